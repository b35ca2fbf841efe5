from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from kizashi_local.demo.names import PLANTED
from kizashi_local.demo.vendor import COUNTS, OWNERS, customers, holiday

DAY = date(2026, 11, 24)


def test_there_are_two_hundred_customers_with_names_of_their_own() -> None:
    crowd = customers(DAY)
    assert len(crowd) == 200
    assert len({customer.external_id for customer in crowd}) == 200
    assert len({customer.name for customer in crowd}) == 200
    assert all(customer.external_id.isascii() for customer in crowd)


def test_the_same_day_makes_the_same_customers() -> None:
    assert customers(DAY) == customers(DAY)
    assert customers(DAY) != customers(DAY + timedelta(days=1))


def test_names_are_japanese_and_western() -> None:
    western = sum(customer.name.isascii() for customer in customers(DAY))
    assert 80 <= western <= 120


def test_every_story_has_its_customers_and_the_planted_ones_come_first() -> None:
    crowd = customers(DAY)
    assert Counter(customer.story for customer in crowd) == dict(COUNTS)
    for story, planted in PLANTED.items():
        told = [customer.name for customer in crowd if customer.story == story]
        assert told[: len(planted)] == [named.name for named in planted]


def test_there_are_three_sizes_two_tiers_and_three_owners() -> None:
    crowd = customers(DAY)
    assert set(Counter(customer.size for customer in crowd)) == {"small", "medium", "large"}
    assert set(Counter(customer.tier for customer in crowd)) == {"standard", "premium"}
    assert min(Counter(customer.tier for customer in crowd).values()) > 30
    assert set(Counter(customer.owner for customer in crowd)) == set(OWNERS)
    assert all(owner.endswith("@example.com") for owner in OWNERS)


def test_larger_customers_have_more_people_seats_and_revenue() -> None:
    crowd = customers(DAY)
    small, large = ([one for one in crowd if one.size == size] for size in ("small", "large"))
    assert max(len(one.people) for one in small) < min(len(one.people) for one in large)
    assert max(one.seats for one in small) < min(one.seats for one in large)
    assert max(one.arr for one in small) < min(one.arr for one in large)


def test_everybody_has_a_name_of_their_own_at_an_address_that_nobody_has() -> None:
    for customer in customers(DAY):
        assert len(set(customer.people)) == len(customer.people)
        assert all(person.endswith(f"@{customer.external_id}.example") for person in customer.people)


def test_only_the_seat_pressed_have_fewer_seats_than_half_as_many_again() -> None:
    for customer in customers(DAY):
        assert (len(customer.people) >= 0.9 * customer.seats) == (customer.story == "seat_pressed")


def test_renewals_lie_ahead_and_those_of_the_fading_are_near() -> None:
    for customer in customers(DAY):
        days = (customer.renewal - DAY).days
        assert 0 < days <= 360
        assert customer.story != "fading" or days <= 60


def test_who_left_has_an_end_in_the_past_and_nobody_else_has_one() -> None:
    for customer in customers(DAY):
        assert (customer.ended is not None) == (customer.story == "left")
        assert customer.ended is None or customer.turned < customer.ended < DAY


def test_the_holiday_is_one_whole_week_more_than_four_weeks_ago() -> None:
    for number in range(7):
        day = DAY + timedelta(days=number)
        week = holiday(day)
        assert [one.weekday() for one in week] == list(range(7))
        assert timedelta(days=28) <= day - week[-1] <= timedelta(days=36)
