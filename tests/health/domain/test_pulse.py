"""The pulse is the one of SCORING.md: worked examples, laws, and the executable reference to nine digits."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kizashi_health.domain.calendar import Clock, Day
from kizashi_health.domain.calibration import calibrate
from kizashi_health.domain.pulse import TERMS, Calibration, Pulse, PulseSettings, decayed, pulse
from tests.health.domain.making import EXAMPLES, MONDAY, day, days, first_calibration, weekdays

NUMBERS = st.sets(st.integers(0, 300), max_size=90)
DAYS_OFF = st.sets(st.integers(-20, 700), max_size=30)
HORIZONS = st.sampled_from([7.0, 14.0, 30.0, 60.0, 90.0, 365.0])
PROFILES = st.sampled_from(["lapse", "cancel"])


def _pulse(name: str, profile: str = "lapse", as_of: int = 180) -> Pulse:
    numbers, start = EXAMPLES[name]
    found = pulse(
        days(numbers), day(as_of), day(start), first_calibration(profile), PulseSettings(30.0, profile), Clock()
    )
    assert found is not None
    return found


def test_e1_the_intercept_and_typical_terms_without_a_population() -> None:
    lapse, cancel = first_calibration("lapse"), first_calibration("cancel")
    assert lapse.intercept == pytest.approx(-0.585920, abs=5e-7)
    assert cancel.intercept == pytest.approx(-1.794862, abs=5e-7)
    assert lapse.typical == pytest.approx(
        {"silence": 0.346574, "overdue": 0.0, "pace": -2.820864, "fading": 0.0, "youth": -0.415888}, abs=5e-7
    )
    assert cancel.typical["pace"] == pytest.approx(-1.611922, abs=5e-7)


@pytest.mark.parametrize(
    ("name", "n", "gap", "pace", "recent", "missed", "lapse", "cancel", "evidence"),
    [
        ("Asahi", 130, 1, 0.679062, 0.716800, 0.6791, (0.003297, 95.250), (0.005676, 91.973), "ok"),
        ("Bessho", 106, 5, 0.439518, 0.256966, 2.1976, (0.008421, 88.237), (0.019971, 76.019), "ok"),
        ("Chiba", 100, 43, 0.381462, 0.163021, 16.4029, (0.248670, 35.803), (0.499486, 19.880), "ok"),
        ("Date", 13, 6, 0.088911, 0.079446, 0.5335, (0.053256, 61.370), (0.032747, 68.695), "ok"),
        ("Endo", 5, 1, 0.443033, 0.509024, 0.4430, (0.015515, 79.727), (0.018968, 76.777), "low"),
        ("Fuji", 1, 40, 0.061209, 0.026470, 2.4484, (0.306230, 31.649), (0.304956, 31.736), "low"),
        ("Goto", 0, 20, 0.070802, 0.031558, 1.4160, (0.231560, 37.156), (0.240784, 36.418), "low"),
    ],
)
def test_e1_the_seven_accounts(name, n, gap, pace, recent, missed, lapse, cancel, evidence) -> None:
    found = _pulse(name)
    assert (found.inputs.active_days, found.inputs.gap) == (n, gap)
    assert found.inputs.pace == pytest.approx(pace, abs=5e-7)
    assert found.inputs.recent == pytest.approx(recent, abs=5e-7)
    assert found.inputs.missed == pytest.approx(missed, abs=5e-5)
    assert found.evidence == evidence
    for profile, (probability, health) in (("lapse", lapse), ("cancel", cancel)):
        read = _pulse(name, profile)
        assert read.probability == pytest.approx(probability, abs=5e-7)
        assert read.health == pytest.approx(health, abs=5e-4)


def test_e1_the_points_and_the_range_of_chiba() -> None:
    found = _pulse("Chiba")
    assert found.baseline == pytest.approx(70.0)
    assert found.points == pytest.approx(
        {"silence": -15.606, "overdue": -35.987, "pace": 8.535, "fading": 0.0, "youth": 8.861}, abs=5e-4
    )
    assert (found.low, found.high) == pytest.approx((0.199066, 0.305912), abs=5e-7)
    assert _pulse("Asahi").raw == pytest.approx(102.247, abs=5e-4)


def test_e2_silence_turns_a_strong_account_to_watch_in_two_weeks_and_to_risk_in_six() -> None:
    read = [_pulse("Asahi", as_of=as_of) for as_of in (180, 182, 187, 194, 201, 210, 240)]
    assert [round(each.health, 2) for each in read] == [95.25, 93.51, 86.17, 67.61, 56.22, 46.28, 28.53]
    assert [round(read[0].probability, 5), round(read[-1].probability, 5)] == [0.00330, 0.35399]


def test_e4_a_declared_day_off_is_hardly_silence() -> None:
    numbers = weekdays(0, 180)
    holidays = Clock(day(number) for number in (180, 181, 182, 183, 184))
    plain = pulse(days(numbers), day(185), day(0), first_calibration(), PulseSettings(), Clock())
    rested = pulse(days(numbers), day(185), day(0), first_calibration(), PulseSettings(), holidays)
    assert plain is not None
    assert rested is not None
    assert rested.inputs.silent == pytest.approx(0.25)
    assert plain.inputs.silent == pytest.approx(5.0)
    assert rested.health > plain.health


def test_nothing_is_said_of_an_account_that_has_not_started() -> None:
    calibration = first_calibration()
    assert pulse(days([]), day(10), None, calibration, PulseSettings(), Clock()) is None
    assert pulse(days([12]), day(10), day(11), calibration, PulseSettings(), Clock()) is None
    assert pulse(days([]), day(10), day(9), calibration, PulseSettings(), Clock()) is not None


def test_a_start_after_the_first_active_day_is_overruled_by_it() -> None:
    late = pulse(days([3, 9]), day(10), day(7), first_calibration(), PulseSettings(), Clock())
    assert late is not None
    assert late.inputs.age == 7.0


def test_a_young_account_may_not_be_called_at_risk_while_its_silence_is_usual() -> None:
    assert pulse(days([5]), day(12), day(5), first_calibration(), PulseSettings(), Clock()).young  # type: ignore[union-attr]
    assert not pulse(days([5]), day(14), day(5), first_calibration(), PulseSettings(), Clock()).young  # type: ignore[union-attr]
    assert not _pulse("Chiba").young


@given(NUMBERS, st.integers(1, 320), PROFILES, HORIZONS, DAYS_OFF, st.integers(-50, 300))
def test_points_add_up_and_the_range_holds_the_probability(numbers, as_of, profile, horizon, off, start) -> None:
    clock = Clock(day(number) for number in off)
    calibration = first_calibration(profile, horizon)
    found = pulse(days(numbers), day(as_of), day(start), calibration, PulseSettings(horizon, profile), clock)
    if found is None:
        return
    assert found.baseline + sum(found.points.values()) + found.scale == pytest.approx(found.health, abs=1e-9)
    assert set(found.points) == set(TERMS)
    assert 0.0 < found.low <= found.probability <= found.high < 1.0
    assert 0.0 < found.health < 100.0


@given(NUMBERS, st.integers(1, 320), st.randoms())
def test_order_repetition_and_later_days_do_not_matter(numbers, as_of, random) -> None:
    fed = [*numbers, *numbers]
    random.shuffle(fed)
    past = [number for number in numbers if number < as_of]
    read = [
        pulse(days(each), day(as_of), day(-3), first_calibration(), PulseSettings(), Clock()) for each in (fed, past)
    ]
    assert read[0] == read[1]


@settings(deadline=None)
@given(NUMBERS.filter(bool), PROFILES, HORIZONS, DAYS_OFF, st.integers(-50, 300))
def test_silence_never_raises_health(numbers, profile, horizon, off, start) -> None:
    clock = Clock(day(number) for number in off)
    calibration, wish = first_calibration(profile, horizon), PulseSettings(horizon, profile)
    used, last = days(numbers), float("inf")
    for as_of in range(max(numbers) + 1, max(numbers) + 400, 3):
        found = pulse(used, day(as_of), day(start), calibration, wish, clock)
        assert found is not None
        assert found.raw <= last + 1e-9
        last = found.raw


def _clocks(reference: ModuleType, off: set[int]) -> tuple[Clock, object]:
    """Our clock and the reference's, with the same days off."""
    weights = [0.05 if number in off else 1.0 for number in range(-60, 800)]
    return Clock(day(number) for number in off), reference.Clock(MONDAY - 60, weights)


def _theirs(reference: ModuleType, calibration: Calibration, horizon: float, profile: str) -> object:
    return reference.Settings(
        horizon=horizon,
        profile=profile,
        prior_pace=calibration.prior_pace,
        base_rate=calibration.base_rate,
        slope=calibration.slope,
        intercept=calibration.intercept,
        typical=dict(calibration.typical),
    )


@settings(max_examples=400, deadline=None)
@given(
    numbers=NUMBERS,
    as_of=st.integers(1, 700),
    profile=PROFILES,
    horizon=HORIZONS,
    off=DAYS_OFF,
    start=st.one_of(st.none(), st.integers(-50, 300)),
    pace=st.floats(0.01, 0.95),
    slope=st.floats(0.5, 2.0),
)
def test_the_pulse_equals_the_reference(reference, numbers, as_of, profile, horizon, off, start, pace, slope) -> None:
    ours_clock, their_clock = _clocks(reference, off)
    calibration = replace(first_calibration(profile, horizon), prior_pace=pace, slope=slope, intercept=-1.3)
    began = None if start is None else day(start)
    ours = pulse(days(numbers), day(as_of), began, calibration, PulseSettings(horizon, profile), ours_clock)
    theirs = reference.pulse(
        [day(number) for number in numbers],
        day(as_of),
        _theirs(reference, calibration, horizon, profile),
        their_clock,
        began,
    )
    if theirs is None or ours is None:
        assert ours is theirs
        return
    assert ours.probability == pytest.approx(theirs.probability, abs=1e-9)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert ours.health == pytest.approx(theirs.health, abs=1e-6)
    assert ours.baseline == pytest.approx(theirs.baseline, abs=1e-6)
    assert dict(ours.points) == pytest.approx(theirs.points, abs=1e-6)
    assert (ours.evidence, ours.young) == (theirs.evidence, theirs.young)


@given(NUMBERS, st.integers(1, 2000), st.floats(1.6, 700.0), DAYS_OFF)
def test_faded_days_equal_their_plain_sum_on_both_sides_of_a_block(numbers, as_of, half_life, off) -> None:
    clock = Clock(day(number) for number in off)
    now = clock.at(day(as_of))
    expected = sum(2.0 ** (-(now - clock.at(day(number))) / half_life) for number in numbers if number < as_of)
    (found,) = decayed(days(numbers), day(as_of), (half_life,), clock)
    assert found == pytest.approx(expected, rel=1e-9)


def test_a_calibration_of_nobody_is_the_same_on_every_day() -> None:
    assert calibrate([], [], Day(MONDAY + 7), PulseSettings(), 0.03, Clock()).intercept == first_calibration().intercept
