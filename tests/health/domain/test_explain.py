"""Reasons add up to the score in tenths and say in words what the numbers say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi_health.domain.calendar import Clock
from kizashi_health.domain.explain import Reason, breakdown, reasons, top_reasons
from kizashi_health.domain.pulse import Pulse, PulseSettings, pulse
from kizashi_health.domain.score import score_of
from tests.health.domain.making import EXAMPLES, day, days, first_calibration


def _pulse(numbers, as_of: int = 180, start: int = 0, profile="lapse") -> Pulse:
    found = pulse(
        days(numbers), day(as_of), day(start), first_calibration(profile), PulseSettings(30.0, profile), Clock()
    )
    assert found is not None
    return found


def _reasons(name: str, profile="lapse") -> dict[str, Reason]:
    numbers, start = EXAMPLES[name]
    found = reasons(_pulse(numbers, start=start, profile=profile), first_calibration(profile))
    return {reason.code: reason for reason in found}


@given(st.sets(st.integers(0, 179), max_size=80), st.integers(0, 179), st.sampled_from(["lapse", "cancel"]))
def test_baseline_points_and_scale_are_the_score_to_the_tenth(numbers, start, profile) -> None:
    found = _pulse(numbers, start=start, profile=profile)
    told = breakdown(found)
    assert round(told.baseline + sum(told.points.values()), 6) == score_of(found)
    for term, points in found.points.items():
        assert told.points[term] == pytest.approx(points, abs=0.1 + 1e-9)


def test_an_account_that_stopped_says_so_first() -> None:
    numbers, start = EXAMPLES["Chiba"]
    found = reasons(_pulse(numbers, start=start), first_calibration())
    assert [reason.code for reason in found] == ["OVERDUE", "SILENCE", "PACE", "YOUNG"]
    assert [reason.points for reason in found] == [-36.0, -15.6, 8.5, 8.9]
    assert found[0].text == "far beyond its own rhythm: 16 usual days missed"
    assert found[1].text == "42 operating days silent, 16 active days missed"


def test_each_reason_shows_its_value_and_its_own_normal() -> None:
    assert _reasons("Date")["PACE"].text == "2.7 active days a month; the typical account here 7.5"
    assert _reasons("Asahi")["SILENCE"].text == "active on the last operating day"
    assert _reasons("Goto")["SILENCE"].text == "20 operating days since the start and never active"
    assert _reasons("Bessho", "cancel")["FADING"].text == "recent pace 58 % of its own"
    assert _reasons("Asahi")["YOUNG"].text == "in its 6th month of use"
    assert _reasons("Endo")["YOUNG"].text == "in its 1st month of use"


def test_a_term_without_weight_gives_no_reason() -> None:
    assert "FADING" not in _reasons("Bessho")


def test_a_row_shows_what_pulls_down_or_else_the_best_that_lifts() -> None:
    stopped = tuple(sorted(_reasons("Chiba").values(), key=lambda reason: reason.points))
    assert [reason.code for reason in top_reasons(stopped)] == ["OVERDUE", "SILENCE"]
    strong = tuple(reason for reason in stopped if reason.points > 0)
    assert [reason.code for reason in top_reasons(strong)] == ["YOUNG"]
    assert top_reasons(()) == ()
