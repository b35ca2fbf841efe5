"""A score rounds once, adds up to the tenth, and its band does not flap."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi_health.domain.calendar import Clock
from kizashi_health.domain.pulse import Pulse, PulseSettings, pulse
from kizashi_health.domain.score import (
    BandState,
    DayScore,
    bands_over_days,
    in_tenths,
    replayed,
    score,
    score_of,
    tenths,
)
from tests.health.domain.making import day, days, first_calibration, weekdays

SCORES = st.lists(st.one_of(st.none(), st.floats(0, 100).map(lambda value: round(value, 1))), max_size=40)


def _pulse(health: float, **changes: object) -> Pulse:
    found = pulse(days(weekdays(0, 60)), day(60), day(0), first_calibration(), PulseSettings(), Clock())
    assert found is not None
    return replace(found, **({"health": health} | changes))  # type: ignore[arg-type]


def test_e5_with_events_alone_the_score_is_the_pulse_at_half_coverage() -> None:
    found = score(_pulse(83.4), "good")
    assert (found.value, found.computed, found.band, found.coverage) == (83.4, 83.4, "good", 0.5)
    assert (found.evidence, found.biggest_drag, found.model) == ("ok", "pulse", "default@1")
    assert [(part.measure, part.won, part.missed, part.status) for part in found.contributions] == [
        ("pulse", 83.4, 16.6, "data")
    ]


def test_without_a_pulse_there_is_no_score_and_no_band() -> None:
    found = score(None, None)
    assert (found.value, found.band, found.coverage, found.evidence, found.contributions) == (
        None,
        None,
        0.0,
        "low",
        (),
    )
    assert score_of(None) is None


def test_e6_bands_over_day_boundaries() -> None:
    boundaries = [74, 71, 69.5, 70.4, 69, 68.9, 66, 39.5, 41, 39.9, 38, 42, 43.1, None, 69.9]
    assert bands_over_days(boundaries) == [
        *["good"] * 5,
        *["watch"] * 5,
        "risk",
        "risk",
        "watch",
        None,
        "watch",
    ]


@pytest.mark.parametrize(
    ("scores", "last"),
    [([74, 67], "watch"), ([39, 43], "watch"), ([80, 30], "risk"), ([74, 67.1], "good"), ([39, 42.9], "risk")],
)
def test_a_crossing_counts_at_once_only_with_the_margin_beyond(scores, last) -> None:
    assert bands_over_days(scores)[-1] == last


def test_inside_a_day_a_crossing_is_never_confirmed_by_waiting() -> None:
    state = BandState("good").at_boundary(69.5)
    assert (state.band, state.run) == ("good", 1)
    assert state.within_day(69.0) == "good"
    assert state.within_day(67.0) == "watch"
    assert state.at_boundary(69.0).band == "watch"
    assert state.within_day(None) is None
    assert BandState().within_day(69.0) == "watch"


def test_the_band_of_a_past_day_is_replayed_over_28_boundaries() -> None:
    history = [DayScore(day(number), 74.0 if number < 72 else 69.5, "default@1") for number in range(100)]
    assert replayed(history, day(73)).band == "good"
    assert replayed(history, day(74)).band == "watch"
    assert replayed(history, day(101)) == BandState()  # the boundary of day 100 itself has no row
    long_ago = [DayScore(day(number), 74.0 if number == 0 else 69.5, "default@1") for number in range(60)]
    assert replayed(long_ago, day(60)).band == "watch"


@given(SCORES)
def test_a_band_away_from_its_bounds_is_the_plain_one(scores) -> None:
    for value, band in zip(scores, bands_over_days(scores), strict=True):
        assert (value is None) == (band is None)
        if value is not None and min(abs(value - 70.0), abs(value - 40.0)) >= 3.0:
            assert band == ("good" if value >= 70 else "watch" if value >= 40 else "risk")


@given(SCORES)
def test_no_band_holds_against_two_boundaries_on_the_other_side(scores) -> None:
    bands = bands_over_days(scores)
    for (_, before), (now, band) in pairwise(zip(scores, bands, strict=True)):
        if now is not None and before == band == "good":
            assert now >= 67.0


def test_a_young_account_is_held_above_risk_and_its_score_stays() -> None:
    held = score(_pulse(31.0, young=True), "risk")
    assert (held.value, held.band, held.band_held) == (31.0, "watch", "young")
    grown = score(_pulse(31.0), "risk")
    assert (grown.band, grown.band_held) == ("risk", None)


@pytest.mark.parametrize(("points", "expected"), [(61.35, 614), (61.349, 613), (0.04, 0), (99.96, 1000)])
def test_a_score_rounds_half_up_to_the_tenth(points, expected) -> None:
    assert tenths(points) == expected


@given(st.lists(st.floats(-80, 120), min_size=1, max_size=9))
def test_parts_rounded_to_tenths_keep_their_sum_and_stay_close(parts) -> None:
    total = tenths(sum(parts))
    rounded = in_tenths(parts, total)
    assert sum(rounded) == total
    assert all(abs(tenth - part * 10) <= 1.0 + 1e-6 for tenth, part in zip(rounded, parts, strict=True))


def test_rounding_equals_the_reference(reference) -> None:
    parts = [12.34, -5.55, 0.05, 33.333, 60.0]
    for total in (998, 1000, 1002, 1004):
        assert in_tenths(parts, total) == reference.to_tenths(parts, total)


@given(SCORES)
def test_bands_equal_the_reference(reference, scores) -> None:
    assert bands_over_days(scores) == reference.bands_over_days(scores)
