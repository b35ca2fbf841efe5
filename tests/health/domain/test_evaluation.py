"""One account as of one moment: live, swept and recomputed readings are one and the same."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kizashi_health.domain.account import Moment
from kizashi_health.domain.activity import Occurrence
from kizashi_health.domain.card import at_risk, card, revenue_ladder
from kizashi_health.domain.evaluation import boundary, current, evaluate, recomputed_history
from kizashi_health.domain.fact import Stated
from kizashi_health.domain.score import DayScore
from tests.health.domain.making import (
    NOW,
    UTC_ZONE,
    a_moment,
    a_workspace,
    an_account,
    by_users,
    day,
    instant,
    weekdays,
)


def _history(account, workspace, end: int, count: int = 56) -> tuple[DayScore, ...]:
    moments = [a_moment(number) for number in range(end - count, end)]
    return recomputed_history(account, workspace, moments, lambda _: workspace.calibration)


def test_what_was_swept_day_by_day_is_what_a_read_of_that_day_recomputes() -> None:
    account, workspace = an_account(by_users(weekdays(0, 330), 2)), a_workspace()
    swept: list[DayScore] = []
    for number in range(200, NOW):
        swept.append(evaluate(account, workspace, a_moment(number), swept).day_score)
    assert {row.band for row in swept} == {"good", "watch", "risk"}
    read = evaluate(account, workspace, a_moment(NOW), _history(account, workspace, NOW))
    live = evaluate(account, workspace, a_moment(NOW), swept)
    assert (read.score, read.pulse) == (live.score, live.pulse)


def test_inside_a_day_a_band_moves_only_beyond_the_margin() -> None:
    account, workspace = an_account(by_users(weekdays(0, 330), 1)), a_workspace()
    scores = {number: evaluate(account, workspace, a_moment(number)).score.value for number in range(331, NOW)}
    crossing = next(number for number, value in scores.items() if value is not None and 67.0 < value < 70.0)
    past = [DayScore(day(number), 80.0, "default@1", "good") for number in range(crossing - 28, crossing - 1)]
    past.append(DayScore(day(crossing - 1), 69.9, "default@1", "good"))
    inside = current(instant(crossing - 1, hours=9), day(crossing), day(0))
    assert evaluate(account, workspace, inside, past).score.band == "good"
    assert evaluate(account, workspace, boundary(day(crossing), workspace, day(0)), past).score.band == "watch"


def test_a_fact_stated_today_counts_today_and_not_as_of_this_morning() -> None:
    account, workspace = an_account(by_users(weekdays(0, NOW), 3)), a_workspace()
    account.facts.state("seats", Stated(instant(NOW, hours=7), "person-1", 10.0))
    now = current(instant(NOW, hours=8), day(NOW), day(0))
    assert evaluate(account, workspace, now).signals["seats.bought"] == 10.0
    assert "seats.bought" not in evaluate(account, workspace, a_moment(NOW)).signals


def test_a_workspace_that_never_sent_an_event_hears_no_silence() -> None:
    account = an_account(named=0)
    for observed in (None, NOW):
        found = evaluate(account, a_workspace(), a_moment(NOW, observed_from=observed))
        assert found.pulse is None
        assert found.score.band is None
        assert found.reasons == ()


@settings(deadline=None)
@given(
    st.sets(st.integers(0, 60), max_size=30),
    st.sets(st.integers(61, 90), max_size=10),
    st.sampled_from([[], [("seats", 5, 20)], [("arr", "100", 10), ("customer_since", "2021-01-01", 3)]]),
)
def test_as_of_hides_the_future(past, future, facts) -> None:
    workspace = a_workspace(revenues=(50.0, 100.0))
    used = [(number, user) for number in past for user in ("ann", None)]
    account = an_account(used, facts, named=0, action="login")
    history = [DayScore(day(number), 60.0 + number / 10, "default@1", "watch") for number in range(20, 61)]
    before = evaluate(account, workspace, a_moment(61), history)
    for number in future:
        account.activity.count(Occurrence(day(number), "login", True, "web", "new", "new"))
    for name, value in (("seats", 99.0), ("status", "churned"), ("name", "Renamed"), ("renewal_date", None)):
        account.facts.state(name, Stated(instant(61), "later", value))
    later = [*history, *(DayScore(day(number), 1.0, "default@1", "risk") for number in range(61, 80))]
    after = evaluate(account, workspace, a_moment(61), later)
    assert before == after
    assert card(account, workspace, before) == card(account, workspace, after)


def test_start_is_the_first_active_day_or_an_earlier_stated_one_within_what_was_observed() -> None:
    stated = ("customer_since", instant(50).date().isoformat(), 0)
    used = [(100, "ann")]
    assert an_account(used).start(a_moment()) == day(100)
    assert an_account(used, [stated]).start(a_moment()) == day(50)
    assert an_account(used, [stated]).start(a_moment(observed_from=80)) == day(80)
    assert an_account([], [stated], named=120).start(a_moment()) == day(50)
    assert an_account([], named=120).start(a_moment()) == day(120)
    assert an_account([], named=120).start(a_moment(120)) is None
    assert an_account(used, named=20).start(a_moment(60)) == day(20)


def test_the_revenue_stated_last_counts_by_year_or_by_month() -> None:
    moment = a_moment()
    assert an_account(facts=[("arr", "1200", 1), ("mrr", "200", 2)]).yearly_revenue(moment).amount == 2400  # type: ignore[union-attr]
    assert an_account(facts=[("mrr", "200", 1), ("arr", "1200", 2)]).yearly_revenue(moment).amount == 1200  # type: ignore[union-attr]
    assert an_account(facts=[("mrr", "200", 1), ("arr", None, 2)]).yearly_revenue(moment).amount == 2400  # type: ignore[union-attr]
    assert an_account(facts=[("arr", "1200", 1), ("mrr", None, 2)]).yearly_revenue(moment).amount == 1200  # type: ignore[union-attr]
    assert an_account().yearly_revenue(moment) is None


def test_a_row_tells_who_what_and_how_much_is_at_risk() -> None:
    facts = [
        ("name", "Acme KK", 1),
        ("owner", "aiko", 1),
        ("arr", {"amount": "5000", "currency": "JPY"}, 1),
        ("renewal_date", "2027-03-31", 1),
    ]
    account, workspace = an_account(by_users(weekdays(0, 340), 2), facts), a_workspace()
    found = evaluate(account, workspace, a_moment(), _history(account, workspace, NOW))
    row = card(account, workspace, found)
    assert found.pulse is not None
    assert (row.name, row.owner, row.lifecycle, row.arr, row.currency) == ("Acme KK", "aiko", "live", 5000.0, "JPY")
    assert row.revenue_at_risk == found.pulse.probability * 5000.0
    assert row.revenue_known
    assert row.top_reasons[0].code == "OVERDUE"
    assert row.change_28 is not None
    assert row.change_28 < 0
    assert row.last_active_day == instant(339).date()
    assert row.renewal_date is not None


def test_an_account_of_unknown_revenue_is_ranked_with_a_tenth_of_the_median_and_flagged() -> None:
    account = an_account(by_users(weekdays(0, 340), 2))
    workspace = a_workspace(median_revenue=10_000.0)
    found = evaluate(account, workspace, a_moment())
    row = card(account, workspace, found)
    assert found.pulse is not None
    assert (row.revenue_at_risk, row.revenue_known) == (found.pulse.probability * 1000.0, False)
    assert at_risk(0.25, None, None) == 0.25
    assert at_risk(None, 100.0, None) == 0.0


def test_who_is_no_customer_is_not_ranked() -> None:
    account = an_account(by_users(weekdays(0, 340), 2), [("status", "churned", 360), ("arr", "9000", 1)])
    row = card(account, a_workspace(), evaluate(account, a_workspace(), a_moment()))
    assert (row.lifecycle, row.revenue_at_risk) == ("churned", 0.0)


@given(st.lists(st.floats(0, 1e9), max_size=400))
def test_the_ladder_of_revenues_is_short_ascending_and_keeps_both_ends(revenues) -> None:
    ladder = revenue_ladder(revenues)
    assert len(ladder) == min(len(revenues), 101)
    assert list(ladder) == sorted(ladder)
    if revenues:
        assert (ladder[0], ladder[-1]) == (min(revenues), max(revenues))


def test_a_moment_inside_a_day_is_told_by_the_zone_of_the_workspace() -> None:
    assert Moment(day(5), instant(4, hours=23), None).is_inside_day(UTC_ZONE)
    assert not Moment(day(5), instant(5), None).is_inside_day(UTC_ZONE)
