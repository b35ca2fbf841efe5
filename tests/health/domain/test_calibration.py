"""A calibration counts who should be counted, says on what it rests, and meets the rate that it names."""

from __future__ import annotations

from statistics import fmean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi_health.domain.calendar import Clock
from kizashi_health.domain.calibration import (
    Member,
    calibrate,
    member_of,
    raw_pace,
    solve_intercept,
    stated_base,
)
from kizashi_health.domain.pulse import TERMS, Calibration, PulseSettings, inputs, pulse, sigmoid, weighted_terms
from tests.health.domain.making import EXAMPLES, a_moment, an_account, day, days

NOW = 180


def _member(numbers, start=None) -> Member:
    return Member(days(numbers), None if start is None else day(start))


def _crowd(count: int, until: int = NOW) -> list[Member]:
    """So many accounts at different paces, all active shortly before a day."""
    return [
        _member([number for number in range(number % 50, until) if number % (1 + place % 9) == 0])
        for place, number in enumerate(range(count))
    ]


def _calibrated(now, then=(), profile="lapse", clock=None, as_of=NOW) -> Calibration:
    return calibrate(now, then, day(as_of), PulseSettings(30.0, profile), 0.03, clock or Clock())


def test_e3_the_seven_as_a_population() -> None:
    wish, clock = PulseSettings(), Clock()
    members = [_member(numbers, start) for numbers, start in EXAMPLES.values()]
    pace = median(raw_pace(member, day(NOW), wish, clock) for member in members)
    read = [inputs(member.days, day(NOW), member.start, pace, wish, clock) for member in members]
    terms = [weighted_terms(each, wish) for each in read if each is not None]
    typical = dict(zip(TERMS, map(fmean, zip(*terms, strict=True)), strict=True))
    intercept = solve_intercept([sum(row) for row in terms], 0.03)
    assert (pace, intercept) == pytest.approx((0.394228, -1.980946), abs=5e-7)
    made = Calibration(1, day(NOW), "stated", pace, 0.03, intercept, 1.0, typical, 7, 0)
    found = [pulse(member.days, day(NOW), member.start, made, wish, clock) for member in members]
    assert [round(each.health, 3) for each in found] == [98.785, 97.013, 55.473, 83.873, 95.311, 57.056, 64.380]
    assert fmean(each.probability for each in found) == pytest.approx(0.03, abs=1e-9)
    assert found[0].baseline == pytest.approx(85.018, abs=5e-4)


def test_below_twenty_accounts_the_typical_account_gets_the_stated_base() -> None:
    made = _calibrated(_crowd(19))
    assert (made.basis, made.prior_pace, made.accounts, made.outcomes) == ("stated", 0.25, 19, 0)
    assert sigmoid(made.intercept + sum(made.typical.values())) == pytest.approx(0.03, abs=1e-12)


def test_from_twenty_accounts_on_the_population_meets_the_stated_base() -> None:
    members = _crowd(24)
    made = _calibrated(members)
    assert made.basis == "stated"
    assert made.prior_pace == pytest.approx(
        median(raw_pace(member, day(NOW), PulseSettings(), Clock()) for member in members)
    )
    found = [pulse(member.days, day(NOW), member.start, made, PulseSettings(), Clock()) for member in members]
    assert fmean(each.probability for each in found) == pytest.approx(0.03, abs=1e-9)
    assert fmean(each.points["pace"] for each in found) == pytest.approx(0.0, abs=1e-9)


def _window(kept: int, lost: int) -> list[Member]:
    """Accounts of one horizon ago, some of which were not seen since."""
    return _crowd(kept) + _crowd(lost, until=NOW - 30)


def test_a_completed_window_with_enough_of_each_is_the_basis() -> None:
    then = _window(kept=50, lost=10)
    made = _calibrated(then, then)
    assert (made.basis, made.accounts, made.outcomes, made.base_rate) == ("inactivity", 60, 10, 10 / 60)
    before = _calibrated(then, as_of=NOW - 30)
    read = [inputs(m.days, day(NOW - 30), m.start, before.prior_pace, PulseSettings(), Clock()) for m in then]
    found = [sigmoid(made.intercept + sum(weighted_terms(each, PulseSettings()))) for each in read if each]
    assert fmean(found) == pytest.approx(10 / 60, abs=1e-9)


@pytest.mark.parametrize(("kept", "lost"), [(39, 10), (60, 4), (4, 60)])
def test_a_window_that_says_too_little_leaves_the_stated_base(kept, lost) -> None:
    then = _window(kept, lost)
    assert _calibrated(then, then).basis == "stated"


def test_inactivity_says_nothing_about_cancelling() -> None:
    then = _window(50, 10)
    assert _calibrated(then, then, profile="cancel").basis == "stated"


def test_accounts_silent_for_two_horizons_and_never_active_ones_are_not_counted() -> None:
    gone, at_the_edge, never = _member([NOW - 61]), _member([NOW - 60]), _member([], start=10)
    assert _calibrated([gone, at_the_edge, never]).accounts == 1


@pytest.mark.parametrize(
    ("status", "counts"), [("paused", False), ("churned", False), ("internal", False), ("vip", True)]
)
def test_paused_churned_and_internal_accounts_are_not_counted(status, counts) -> None:
    account = an_account([(5, "ann")], facts=[("status", status, 50)])
    assert (member_of(account, a_moment(60)) is not None) == counts
    assert member_of(account, a_moment(50)) is not None


def test_the_order_of_accounts_and_the_days_to_come_do_not_matter() -> None:
    now, then = _crowd(30), _window(50, 10)
    later = [Member(member.days.union(days([NOW, NOW + 5])), member.start) for member in now]
    assert _calibrated(now, then) == _calibrated(later[::-1], then[::-1])


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=40), st.floats(0.001, 0.999))
def test_the_intercept_meets_the_rate(logits, rate) -> None:
    found = solve_intercept(logits, rate)
    assert fmean(sigmoid(found + value) for value in logits) == pytest.approx(rate, abs=1e-9)


def test_the_stated_loss_is_read_per_thirty_days() -> None:
    assert stated_base(0.03, PulseSettings(30.0)) == pytest.approx(0.03)
    assert stated_base(0.03, PulseSettings(60.0)) == pytest.approx(1 - 0.97**2)


def test_a_calibration_equals_the_reference(reference) -> None:
    off = {20, 21, 22, 100, 150}
    clock = Clock(day(number) for number in off)
    theirs_clock = reference.Clock(day(-5), [0.05 if number in off else 1.0 for number in range(-5, 400)])
    then = _window(50, 10)
    made = _calibrated(then, then, clock=clock)
    now = [member for member in then if (member.days.last_before(day(NOW)) or 0) >= day(NOW - 60)]
    people = [(member.days.days(day(NOW)), member.days.first, None) for member in now]
    theirs = reference.calibrate(people, day(NOW), reference.Settings(), made.base_rate, theirs_clock)
    back = [(member.days.days(day(NOW - 30)), member.days.first, None) for member in then]
    old = reference.calibrate(back, day(NOW - 30), reference.Settings(), made.base_rate, theirs_clock)
    assert made.prior_pace == pytest.approx(theirs.prior_pace, abs=1e-12)
    assert dict(made.typical) == pytest.approx(theirs.typical, abs=1e-9)
    assert made.intercept == pytest.approx(old.intercept, abs=1e-9)
