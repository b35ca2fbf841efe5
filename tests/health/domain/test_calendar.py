"""Local days have their true edges; operating time passes as the workspace declared."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi_health.domain.calendar import Clock, Day, date_of, day_of, local_day, midnight, monday_of
from tests.health.domain.making import utc

ZONES = ("UTC", "Asia/Tokyo", "America/New_York", "America/Sao_Paulo", "Europe/Berlin", "Pacific/Apia", "Asia/Beirut")


@given(st.dates(date(1990, 1, 2), date(2037, 1, 1)), st.sampled_from(ZONES))
def test_midnight_is_the_first_instant_of_its_day(named: date, zone_name: str) -> None:
    zone = ZoneInfo(zone_name)
    first = midnight(day_of(named), zone)
    assert local_day(first, zone) >= day_of(named)
    assert local_day(first - timedelta(seconds=1), zone) < day_of(named)


@pytest.mark.parametrize(
    ("zone", "named", "expected"),
    [
        ("Asia/Tokyo", date(2026, 4, 1), utc(2026, 3, 31, 15)),
        ("America/Sao_Paulo", date(2018, 11, 4), utc(2018, 11, 4, 3)),  # clocks jump from 0:00 to 1:00
        ("America/Havana", date(2026, 11, 1), utc(2026, 11, 1, 4)),  # 0:00 comes twice
        ("America/Toronto", date(1919, 3, 31), utc(1919, 3, 31, 4, 30)),  # clocks jump from 23:30 to 0:30
        ("Pacific/Apia", date(2011, 12, 30), utc(2011, 12, 30, 10)),  # a day that never was
    ],
)
def test_a_midnight_that_is_missing_or_comes_twice_has_one_instant(zone, named, expected) -> None:
    assert midnight(day_of(named), ZoneInfo(zone)) == expected


def test_an_event_belongs_to_the_local_day_of_the_workspace() -> None:
    late_evening = utc(2026, 3, 31, 16)
    assert date_of(local_day(late_evening, ZoneInfo("Asia/Tokyo"))) == date(2026, 4, 1)
    assert date_of(local_day(late_evening, ZoneInfo("America/New_York"))) == date(2026, 3, 31)


@given(st.dates())
def test_the_monday_of_a_day_is_a_monday_at_most_six_days_back(named: date) -> None:
    monday = monday_of(day_of(named))
    assert date_of(monday).weekday() == 0
    assert 0 <= day_of(named) - monday <= 6


def test_a_declared_day_off_moves_the_clock_by_a_twentieth() -> None:
    clock = Clock([Day(105), Day(103), Day(103)])
    assert [round(clock.between(Day(day), Day(day + 1)), 9) for day in range(102, 107)] == [1, 0.05, 1, 0.05, 1]
    assert clock.between(Day(100), Day(110)) == pytest.approx(8.1)
    assert Clock().between(Day(100), Day(110)) == 10.0


@given(st.sets(st.integers(700_000, 700_100)), st.integers(700_000, 700_100), st.integers(0, 100))
def test_operating_time_is_the_sum_of_the_weights_of_the_days_between(days_off, first, length) -> None:
    clock = Clock(Day(day) for day in days_off)
    weights = [0.05 if day in days_off else 1.0 for day in range(first, first + length)]
    assert clock.between(Day(first), Day(first + length)) == pytest.approx(sum(weights), abs=1e-9)
    assert clock.at(Day(first + length)) - clock.at(Day(first)) == pytest.approx(sum(weights), abs=1e-8)
