"""The pulse: how probable it is that an account is lost within the horizon, from nothing but its active days.

A sum of five terms in log odds, each shown as health points, so that the answer always says why. The executable form of
the formula is the design's `pulse_reference.py`; this one is faster and agrees with it.

Source: SCORING.md 3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import compress
from typing import Final, Literal, NamedTuple

from kizashi_common.contracts.scores import Evidence
from kizashi_health.domain.activity import DaySet
from kizashi_health.domain.calendar import Clock, Day

Profile = Literal["lapse", "cancel"]
Basis = Literal["recorded", "inactivity", "stated"]
Term = Literal["silence", "overdue", "pace", "fading", "youth"]

TERMS: Final[tuple[Term, ...]] = ("silence", "overdue", "pace", "fading", "youth")
LN2: Final = math.log(2.0)
TOLERATED: Final = 4.0
"""Missed active days before the overdue term starts."""
ANCHOR: Final = 70.0
"""Health of an account at the base rate."""
POINTS_PER_LOGIT: Final = 10.0 / LN2
"""Ten points: the odds double."""
FIRST_PRIOR_PACE: Final = 0.25
"""Active days per operating day, before the workspace's own median is known."""

_WEIGHTS: Final[Mapping[Profile, tuple[float, float, float, float, float]]] = {
    "lapse": (0.5, 2.0, 1.4, 0.0, 0.6),
    "cancel": (0.5, 2.0, 0.8, 1.0, 0.6),
}
_NINETY_PERCENT: Final = 1.645
_SOFT: Final = 15.0
_BITS: Final = bytes.maketrans(b"01", b"\x00\x01")


@dataclass(frozen=True, slots=True)
class PulseSettings:
    """What a workspace decides about its pulse. Units: `horizon` days; half-lives and exposure operating days."""

    horizon: float = 30.0
    profile: Profile = "lapse"

    @property
    def fast(self) -> float:
        """Half-life of the recent pace."""
        return 7.0 * self.horizon / 30.0

    @property
    def slow(self) -> float:
        """Half-life of the account's own pace."""
        return 56.0 * self.horizon / 30.0

    @property
    def exposure(self) -> float:
        """How many operating days the prior pace is worth."""
        return 7.0 * self.horizon / 30.0

    @property
    def weights(self) -> tuple[float, float, float, float, float]:
        """What each term counts, in the order of TERMS."""
        return _WEIGHTS[self.profile]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the workspace as a whole lends to each account's pulse. Made on Mondays from days before `as_of`.

    Units: `prior_pace` active days per operating day; `base_rate` share lost within the horizon; `intercept` and
    `typical` (mean weighted term) logits. `accounts` and `outcomes` are those that the intercept was solved over.
    """

    id: int
    as_of: Day
    basis: Basis
    prior_pace: float
    base_rate: float
    intercept: float
    slope: float
    typical: Mapping[Term, float]
    accounts: int
    outcomes: int


class Inputs(NamedTuple):
    """What the formula reads of an account.

    Units: `gap` operating days since the start of the last active day, `silent` since its end; `pace` and `recent`
    active days per operating day; `missed` and `overdue` active days; `span` operating days; `age` calendar days.
    """

    gap: float
    pace: float
    recent: float
    missed: float
    overdue: float
    span: float
    weight: float
    active_days: int
    age: float
    silent: float


@dataclass(frozen=True, slots=True)
class Pulse:
    """A probability of loss within the horizon, its range, and the health it makes, with the points that add up to it.

    Shape: `baseline + sum(points) + scale == health`; `terms` are the weighted terms in logits.
    Units: `health` 0 to 100 (higher is healthier), `raw` the same without soft ends.
    """

    probability: float
    low: float
    high: float
    health: float
    raw: float
    baseline: float
    points: Mapping[Term, float]
    scale: float
    evidence: Evidence
    young: bool
    """Too little is known to call the silence unusual: the band may not be `risk`."""
    inputs: Inputs


def pulse(
    days: DaySet, as_of: Day, start: Day | None, calibration: Calibration, settings: PulseSettings, clock: Clock
) -> Pulse | None:
    """The account's pulse as of the start of a day; only days before it are read. None when nothing is known by then.

    Source: SCORING.md 3.2 to 3.5.
    """
    read = inputs(days, as_of, start, calibration.prior_pace, settings, clock)
    if read is None:
        return None
    terms = weighted_terms(read, settings)
    slope, typical = calibration.slope, calibration.typical
    risk = calibration.intercept + slope * sum(terms)
    half = slope * _spread(read, settings)
    points = {
        name: POINTS_PER_LOGIT * slope * (typical[name] - term) + 0.0 for name, term in zip(TERMS, terms, strict=True)
    }
    baseline = baseline_of(calibration)
    raw = baseline + sum(points.values())
    health = soft_ends(raw)
    is_low = read.active_days < 3 or read.age < 14
    return Pulse(
        probability=sigmoid(risk),
        low=sigmoid(risk - half),
        high=sigmoid(risk + half),
        health=health,
        raw=raw,
        baseline=baseline,
        points=points,
        scale=health - raw,
        evidence="low" if is_low else "ok",
        young=is_low and read.gap <= 2.0 / calibration.prior_pace,
        inputs=read,
    )


def inputs(
    days: DaySet, as_of: Day, start: Day | None, prior_pace: float, settings: PulseSettings, clock: Clock
) -> Inputs | None:
    """What the formula reads, from days before `as_of`; None when the account had not started by then."""
    last = days.last_before(as_of)
    began = _start(days, as_of, start)
    if began is None:
        return None
    slow_sum, fast_sum = decayed(days, as_of, (settings.slow, settings.fast), clock)
    since_start = clock.between(began, as_of)
    reached = last if last is not None else began
    gap = clock.between(reached, as_of)
    span = 0.0 if last is None else clock.between(began, last)
    prior = prior_pace * settings.exposure
    pace = (slow_sum + prior) / (exposure_over(since_start, settings.slow) + settings.exposure)
    recent = (fast_sum + pace * settings.exposure) / (exposure_over(since_start, settings.fast) + settings.exposure)
    cut = min(gap, 2.0 * settings.horizon)
    pace_at_cut = (slow_sum * 2.0 ** ((gap - cut) / settings.slow) + prior) / (
        exposure_over(span + cut, settings.slow) + settings.exposure
    )
    return Inputs(
        gap=gap,
        pace=pace,
        recent=recent,
        missed=gap * pace,
        overdue=cut * pace_at_cut,
        span=span,
        weight=slow_sum + prior,
        active_days=days.bits_before(as_of).bit_count(),
        age=float(as_of - began),
        silent=gap if last is None else clock.between(Day(last + 1), as_of),
    )


def _start(days: DaySet, as_of: Day, start: Day | None) -> Day | None:
    """The stated start or the first active day, whichever is earlier; None when both lie ahead."""
    first = days.first_before(as_of)
    if start is None or start >= as_of:
        return first
    return start if first is None else min(start, first)


def decayed(days: DaySet, as_of: Day, half_lives: tuple[float, ...], clock: Clock) -> tuple[float, ...]:
    """For each half-life the number of active days before `as_of`, each faded by its age on the clock.

    The bits are walked newest first in one pass of C code per half-life; a loop over days took four times as long.
    Units: half-lives in operating days.
    """
    bits = days.bits_before(as_of)
    if not bits:
        return (0.0,) * len(half_lives)
    chosen = f"{bits:b}".encode().translate(_BITS)
    newest = Day((days.first or 0) + len(chosen) - 1)
    sums = []
    for half_life in half_lives:
        table = clock.decay(as_of, half_life)
        total = math.fsum(compress(table.weights(newest, len(chosen)), chosen))
        sums.append(total * table.factor(as_of))
    return tuple(sums)


def exposure_over(elapsed: float, half_life: float) -> float:
    """Operating days seen in a span of `elapsed` ones, faded like the activity."""
    return float(half_life / LN2 * (1.0 - 2.0 ** (-elapsed / half_life)))


def weighted_terms(read: Inputs, settings: PulseSettings) -> tuple[float, float, float, float, float]:
    """The additive parts of the risk in logits, in the order of TERMS, before slope and intercept."""
    silence, overdue, pace, fading, youth = settings.weights
    return (
        silence * math.log1p(read.missed),
        overdue * max(0.0, math.log((1.0 + read.overdue) / (1.0 + TOLERATED))),
        -pace * math.log(read.pace * settings.horizon),
        -fading * math.log(read.recent / read.pace),
        -youth * math.log1p(read.span / settings.horizon),
    )


def baseline_of(calibration: Calibration) -> float:
    """Health of the workspace's typical account."""
    typical = calibration.intercept + calibration.slope * sum(calibration.typical.values())
    return ANCHOR - POINTS_PER_LOGIT * (typical - logit(calibration.base_rate))


def _spread(read: Inputs, settings: PulseSettings) -> float:
    """Half the range in logits, before the slope: what comes from estimating the pace from few days, nothing else."""
    silence, overdue, pace, _, _ = settings.weights
    late = overdue * read.overdue / (1.0 + read.overdue) if read.overdue > TOLERATED else 0.0
    per_ln_pace = abs(silence * read.missed / (1.0 + read.missed) + late - pace)
    return _NINETY_PERCENT * per_ln_pace / math.sqrt(max(read.weight, 0.25))


def soft_ends(raw: float) -> float:
    """Identity between 15 and 85; beyond, an approach to 0 and 100, so that a clamp never ties accounts."""
    if raw > 100.0 - _SOFT:
        return 100.0 - _SOFT * math.exp(-(raw - (100.0 - _SOFT)) / _SOFT)
    return raw if raw >= _SOFT else _SOFT * math.exp((raw - _SOFT) / _SOFT)


def logit(probability: float) -> float:
    """Natural log of the odds."""
    return math.log(probability / (1.0 - probability))


def sigmoid(value: float) -> float:
    """The probability whose log odds are `value`."""
    if value >= 0.0:
        return 1.0 / (1.0 + math.exp(-value))
    raised = math.exp(value)
    return raised / (1.0 + raised)
