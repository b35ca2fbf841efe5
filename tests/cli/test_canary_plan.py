"""What the canary plans: numbered events of one week's account, and judgements that a fault cannot pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kizashi_cli.canary.plan import Count, counted_event, is_of_its_account, monday_of, past_use, score_account, stated

INSTANTS = st.timedeltas(timedelta(), timedelta(days=4_000)).map(lambda since: datetime(2024, 1, 1, tzinfo=UTC) + since)
ACCEPTED_DAYS = 30


@given(INSTANTS, st.timedeltas(timedelta(), timedelta(days=6, hours=23)))
def test_a_week_has_one_account_and_the_next_week_another(at: datetime, later: timedelta) -> None:
    monday = monday_of(at)
    assert monday.weekday() == 0
    assert score_account(monday) == score_account(monday + later)
    assert score_account(monday) != score_account(monday + timedelta(days=7))


def test_the_week_of_new_year_belongs_to_one_year() -> None:
    assert score_account(datetime(2027, 1, 1, tzinfo=UTC)) == "canary-score-2026-w53"


@given(INSTANTS)
def test_the_past_of_the_alerts_account_is_acceptable_and_silent(at: datetime) -> None:
    days = [datetime.fromisoformat(str(event["at"])) for event in past_use(at)]
    assert len(set(days)) == len({event["id"] for event in past_use(at)}) == 14
    assert at + timedelta(days=1) - min(days) < timedelta(days=ACCEPTED_DAYS), "ingest would set it aside as too old"
    assert at - max(days) > timedelta(days=14), "it would not be silent enough"


@given(INSTANTS)
def test_the_past_of_the_next_day_repeats_all_but_one_event(at: datetime) -> None:
    today, tomorrow = past_use(at), past_use(at + timedelta(days=1))
    assert tomorrow[1:] == today[:-1]


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.booleans())
def test_a_number_is_seen_when_reached_and_wrong_when_nobody_sent_it(sent: int, shown: int, proved: bool) -> None:
    count = Count("a", sent, proved)
    judgement = count.judged(shown)
    assert (judgement == "waiting") == (shown < sent)
    assert (judgement == "wrong") == (shown > sent and proved)
    after = count.after(shown)
    assert after.accepted == max(sent, shown)
    assert after.judged(after.accepted) == "seen"


def test_an_event_is_named_by_its_number_and_a_fact_by_its_time() -> None:
    at = datetime(2026, 11, 25, 9, tzinfo=UTC)
    assert counted_event("a", 7, at)["id"] == counted_event("a", 7, at + timedelta(seconds=1))["id"] == "a-7"
    facts = [stated(status, at + timedelta(seconds=late)) for status in ("live", "paused") for late in (0, 1)]
    assert len({fact["event_id"] for fact in facts}) == 4


def test_an_alert_of_another_account_is_told_apart() -> None:
    assert is_of_its_account({"account": {"external_id": "canary-alert"}})
    assert not is_of_its_account({"account": {"external_id": "b"}})
    assert not is_of_its_account({})
