from __future__ import annotations

import time
from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from kizashi_local.demo.generator import Event, events, events_of_day
from kizashi_local.demo.stories import FEATURES, at_work
from kizashi_local.demo.vendor import PAST_DAYS, customers, holiday

pytestmark = pytest.mark.slow

DAY = date(2026, 11, 24)
MOST_CPU_S = 10.0
MOST_BYTES = 300


@pytest.fixture(scope="module")
def past() -> tuple[list[Event], float]:
    """All events, and the processor time that they took."""
    began = time.process_time()
    found = list(events(DAY))
    return found, time.process_time() - began


@pytest.fixture(scope="module")
def year(past: tuple[list[Event], float]) -> list[Event]:
    return past[0]


def test_a_year_has_about_four_hundred_thousand_events_made_in_seconds(past: tuple[list[Event], float]) -> None:
    found, seconds = past
    assert 360_000 <= len(found) <= 440_000
    assert seconds < MOST_CPU_S


def test_they_come_sorted_by_time_and_lie_within_the_year_before_the_day(year: list[Event]) -> None:
    times = [event["at"] for event in year]
    assert all(one <= other for one, other in pairwise(times))
    first, last = datetime.fromisoformat(times[0]), datetime.fromisoformat(times[-1])
    assert first.date() == DAY - timedelta(days=PAST_DAYS)
    assert last.date() == DAY - timedelta(days=1)


def test_no_id_comes_twice(year: list[Event]) -> None:
    assert len({event["id"] for event in year}) == len(year)


def test_making_a_day_again_makes_the_same_events(year: list[Event]) -> None:
    crowd, off = customers(DAY), frozenset(holiday(DAY))
    day = DAY - timedelta(days=8)
    assert list(events_of_day(crowd, day, off)) == [event for event in year if event["at"].startswith(str(day))]


def test_weekdays_are_busy_weekends_and_the_holiday_are_not(year: list[Event]) -> None:
    by_day = Counter(event["at"][:10] for event in year)
    usual = sorted(by_day.values())[len(by_day) // 2]
    assert usual > 1_000
    for number in range(1, PAST_DAYS + 1):
        day = DAY - timedelta(days=number)
        is_quiet = day.weekday() >= 5 or day in holiday(DAY)
        assert (by_day[str(day)] < 0.1 * usual) == is_quiet, day


def test_every_event_says_who_did_what_and_that_it_is_history(year: list[Event]) -> None:
    known = {customer.external_id: set(customer.people) for customer in customers(DAY)}
    actions: Counter[Any] = Counter()
    for event in year:
        assert event["historical"] is True
        assert event["user"] in known[event["account"]]
        assert (event["action"] == "feature_used") == (event.get("feature") in FEATURES)
        actions[event["action"]] += 1
    assert set(actions) == {"login", "feature_used"}
    assert actions["login"] > 0.2 * len(year)


def test_the_people_of_a_day_are_those_at_work(year: list[Event]) -> None:
    day = DAY - timedelta(days=5)
    found: dict[str, set[str]] = {}
    for event in year:
        if event["at"].startswith(str(day)):
            found.setdefault(event["account"], set()).add(event["user"])
    off = frozenset(holiday(DAY))
    expected = {one.external_id: set(at_work(one, day, off)) for one in customers(DAY)}
    assert found == {account: people for account, people in expected.items() if people}


def test_events_are_small_on_the_wire(year: list[Event]) -> None:
    assert len(msgspec.json.encode(year[:5_000])) < 5_000 * MOST_BYTES
