"""When an event happened, told by texts, numbers and clocks that may be wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi_ingest.domain.limits import Limits
from kizashi_ingest.domain.notes import Notes, Refused
from kizashi_ingest.domain.timing import Age, Sending, Timed, timed, told

NOW = datetime(2026, 11, 22, 9, 5, tzinfo=UTC)
LIVE = Age(Limits(), may_import=False)


def when(value: Any, sent: Any = None, *, device: bool = False, fresh: bool = True) -> tuple[Timed, Notes]:
    notes = Notes()
    return timed(value, sent, Sending(NOW, fresh, device), LIVE, notes), notes


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-22T09:03:26.271Z", "2026-11-22T09:03:26.271"),
        ("2026-11-22T09:03:26.271+00:00", "2026-11-22T09:03:26.271"),
        ("2026-11-22 18:03:26+09:00", "2026-11-22T09:03:26"),
        ("2026-11-22T09:03:26.123456789Z", "2026-11-22T09:03:26.123456"),
        ("2026-11-22t09:03:26z", "2026-11-22T09:03:26"),
        ("2026-11-21T24:00:00Z", "2026-11-22T00:00:00"),
        ("2026-11-22T08:59:60Z", "2026-11-22T09:00:00"),
        ("  2026-11-22T09:03:26Z ", "2026-11-22T09:03:26"),
        ("2026-11-22", "2026-11-22T00:00:00"),
        (1795338000, "2026-11-22T09:00:00"),
        (1795338000.5, "2026-11-22T09:00:00.5"),
        ("1795338000", "2026-11-22T09:00:00"),
        (1795338000123, "2026-11-22T09:00:00.123"),
        (1795338000123456, "2026-11-22T09:00:00.123456"),
        (1795338000123456789, "2026-11-22T09:00:00.123456"),
    ],
)
def test_times_are_read_in_every_form_that_clients_write(text: Any, instant: str) -> None:
    found = told(text)
    assert found is not None
    assert abs(found.at - datetime.fromisoformat(instant).replace(tzinfo=UTC)) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-13-01T00:00:00Z",
        "2026-11-22T25:00:00Z",
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+14:00",
        *("2026-W47-7", "20261122T090326Z", -1, 10**30, float("inf"), float("nan"), True, None, [], {}),
    ],
)
def test_what_is_no_time_between_1970_and_2100_is_none(text: Any) -> None:
    assert told(text) is None


@given(st.text() | st.floats() | st.integers() | st.none() | st.booleans())
def test_any_value_gives_a_time_or_none(value: Any) -> None:
    found = told(value)
    assert found is None or datetime(1970, 1, 1, tzinfo=UTC) <= found.at < datetime(2100, 1, 1, tzinfo=UTC)


@given(st.timedeltas(timedelta(0), timedelta(days=29)), st.integers(-14, 14))
def test_a_written_instant_is_read_back_to_the_millisecond(ago: timedelta, hours: int) -> None:
    at = NOW - ago
    found, _ = when(at.astimezone(timezone(timedelta(hours=hours))).isoformat())
    assert found.occurred_at == at.replace(microsecond=at.microsecond // 1000 * 1000)
    assert found.note.dedupe_day == at.date()


@given(st.integers(-600, 600), st.integers(0, 2_000))
def test_transit_never_reorders_what_one_device_sent(minutes: int, transit_ms: int) -> None:
    """Two events a second apart stay a second apart, whatever their clock and the way here."""
    wrong = timedelta(minutes=minutes)
    sent = (NOW + wrong - timedelta(milliseconds=transit_ms)).isoformat()
    first, _ = when((NOW + wrong - timedelta(minutes=20)).isoformat(), sent, device=True)
    second, _ = when((NOW + wrong - timedelta(minutes=20) + timedelta(seconds=1)).isoformat(), sent, device=True)
    assert second.occurred_at - first.occurred_at == timedelta(seconds=1)
    assert abs(first.occurred_at - (NOW - timedelta(minutes=20))) <= timedelta(minutes=6)


def test_a_correction_never_moves_the_dedupe_day() -> None:
    found, _ = when("2026-11-21T23:30:00Z", "2026-11-21T23:35:00Z", device=True)
    assert found.note.source == "corrected"
    assert found.occurred_at.date().isoformat() == "2026-11-22"
    assert found.note.dedupe_day.isoformat() == "2026-11-21"


def test_a_server_is_trusted_whatever_it_says_of_sending() -> None:
    found, notes = when("2026-11-22T06:00:00Z", "2026-11-22T06:01:00Z")
    assert (found.note.source, notes.listed()) == ("client", [])
    assert found.note.skew_ms == 184 * 60_000


def test_the_age_limit_is_exact() -> None:
    assert not when((NOW - timedelta(days=30)).isoformat())[0].is_historical
    with pytest.raises(Refused, match="30 days"):
        when((NOW - timedelta(days=30, milliseconds=1)).isoformat())
