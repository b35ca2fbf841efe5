"""The shape of use that each story has, day by day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import pytest

from kizashi_local.demo.names import Story
from kizashi_local.demo.stories import at_work, pace_on
from kizashi_local.demo.vendor import PAST_DAYS, Customer, customers, holiday

DAY = date(2026, 11, 24)
OFF = frozenset(holiday(DAY))
CUSTOMERS = customers(DAY)


def of(story: Story) -> list[Customer]:
    return [customer for customer in CUSTOMERS if customer.story == story]


def days(first: int, end: int) -> list[date]:
    """Days by how many days they lie before the demo's, `end` not included."""
    return [DAY - timedelta(days=number) for number in range(first, end, -1)]


def weekdays(first: int, end: int) -> list[date]:
    return [day for day in days(first, end) if day.weekday() < 5 and day not in OFF]


def used(crowd: Iterable[Customer], when: Iterable[date]) -> float:
    """The share of (customer, day) on which somebody was there."""
    found = [bool(at_work(customer, day, OFF)) for day in when for customer in crowd]
    return sum(found) / len(found)


def people(crowd: Iterable[Customer], when: Iterable[date]) -> float:
    """The mean number of people a day."""
    found = [len(at_work(customer, day, OFF)) for day in when for customer in crowd]
    return sum(found) / len(found)


def test_a_day_of_a_customer_is_the_same_each_time_it_is_asked_for() -> None:
    for customer in CUSTOMERS[::9]:
        assert [at_work(customer, day, OFF) for day in days(20, 0)] == [
            at_work(customer, day, OFF) for day in days(20, 0)
        ]


def test_nobody_comes_twice_on_a_day_or_from_elsewhere() -> None:
    for customer in CUSTOMERS[::5]:
        for day in days(60, 0):
            found = at_work(customer, day, OFF)
            assert len(set(found)) == len(found)
            assert set(found) <= set(customer.people)


def test_steady_customers_come_every_weekday_all_year_and_rest_at_weekends() -> None:
    steady = of("steady")[:20]
    assert used(steady, weekdays(PAST_DAYS, 0)) > 0.97
    assert used(steady, [day for day in days(PAST_DAYS, 0) if day.weekday() >= 5]) < 0.1
    assert people(steady, weekdays(PAST_DAYS, 180)) == pytest.approx(people(steady, weekdays(180, 0)), rel=0.03)


def test_nearly_everybody_is_off_in_the_holiday() -> None:
    assert used(of("steady") + of("growing"), sorted(OFF)) < 0.06


def test_growing_customers_have_more_people_every_quarter_and_find_more_of_the_product() -> None:
    growing = of("growing")
    quarters = [people(growing, weekdays(back, back - 60)) for back in (240, 180, 120, 60)]
    assert quarters == sorted(quarters)
    assert quarters[-1] > 1.5 * quarters[0]
    for customer in growing:
        assert pace_on(customer, DAY).features > pace_on(customer, customer.since).features


def test_growing_customers_do_nothing_before_they_began() -> None:
    for customer in of("growing"):
        assert used([customer], [customer.since - timedelta(days=back) for back in range(1, 30)]) == 0.0


def test_seat_pressed_customers_fill_every_seat_and_stay_full() -> None:
    for customer in of("seat_pressed"):
        seen = {person for day in days(28, 0) for person in at_work(customer, day, OFF)}
        assert len(seen) >= 0.9 * customer.seats
        assert pace_on(customer, DAY - timedelta(days=60)).joined == customer.seats
        assert pace_on(customer, DAY - timedelta(days=300)).joined <= 0.6 * customer.seats


def test_fading_customers_thin_out_until_nobody_comes() -> None:
    for customer in of("fading"):
        weeks = [
            [day for number in range(7) if at_work(customer, day := turn + timedelta(days=number), OFF)]
            for turn in (customer.turned + timedelta(weeks=week) for week in range(8))
        ]
        counts = [len([day for day in week if day.weekday() < 5]) for week in weeks]
        assert counts[:2] == [4, 4]
        assert counts[5] <= 1
        assert counts[7] == 0
        assert used([customer], weekdays(PAST_DAYS, (DAY - customer.turned).days)) > 0.95


def test_silent_customers_stop_on_one_day() -> None:
    for customer in (*of("silent"), *of("left")):
        turn = (DAY - customer.turned).days
        assert used([customer], weekdays(turn + 90, turn)) > 0.9
        assert used([customer], days(turn, -30)) == 0.0


def test_never_activated_customers_never_come() -> None:
    assert used(of("never_activated"), days(PAST_DAYS, -30)) == 0.0
    for customer in of("never_activated"):
        assert timedelta(days=20) <= DAY - customer.since <= timedelta(days=60)


def test_after_the_demo_was_made_the_stories_go_on() -> None:
    ahead = weekdays(0, -40)
    assert used(of("steady")[:20], ahead) > 0.97
    assert people(of("growing"), ahead) > people(of("growing"), weekdays(60, 30))
    assert used(of("fading"), ahead) == 0.0
