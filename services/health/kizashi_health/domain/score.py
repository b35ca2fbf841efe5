"""From measures to a score, and from scores to a band that does not flap.

The model `default@1` has one measure, the pulse; the other groups of the default model have no data yet, so their
weight shows as missing coverage.

Source: SCORING.md 5 and 6.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from kizashi_common.contracts.scores import Adjustment, Band, Contribution, Evidence
from kizashi_health.domain.calendar import Day
from kizashi_health.domain.pulse import Pulse

MODEL: Final = "default@1"
BOUNDARIES: Final = 28
"""Day boundaries over which a band is replayed."""

_PULSE_COVERAGE: Final = 0.5
_MIN_COVERAGE: Final = 0.35
_RANK: Final[dict[Band, int]] = {"risk": 0, "watch": 1, "good": 2}


@dataclass(frozen=True, slots=True)
class Bands:
    """Where the bands begin, and how firmly a crossing must be. Units: health points; `confirm_days` boundaries."""

    good: float = 70.0
    watch: float = 40.0
    margin: float = 3.0
    confirm_days: int = 2

    def plain(self, score: float) -> Band:
        """The band of a score without a past."""
        if score >= self.good:
            return "good"
        return "watch" if score >= self.watch else "risk"

    def bound(self, band: Band, direction: int) -> float:
        """The bound next to a band, up (1) or down (-1)."""
        return self.watch if band == "risk" or (band == "watch" and direction < 0) else self.good


DEFAULT_BANDS: Final = Bands()


class DayScore(NamedTuple):
    """What one day boundary showed: the score as of the start of `day`."""

    day: Day
    score: float | None
    model: str
    band: Band | None = None


class BandState(NamedTuple):
    """The band so far, and for how many boundaries in a row the score has stood on which other side of it."""

    band: Band | None = None
    run: int = 0
    direction: int = 0

    def at_boundary(self, score: float | None, bands: Bands = DEFAULT_BANDS) -> BandState:
        """The state after one more day boundary: a crossing counts with the margin beyond, or when confirmed."""
        if score is None:
            return BandState()
        plain = bands.plain(score)
        if self.band is None or plain == self.band:
            return BandState(plain)
        direction = 1 if _RANK[plain] > _RANK[self.band] else -1
        run = self.run + 1 if self.run and self.direction == direction else 1
        if _is_beyond(self.band, score, direction, bands) or run >= bands.confirm_days:
            return BandState(plain)
        return BandState(self.band, run, direction)

    def within_day(self, score: float | None, bands: Bands = DEFAULT_BANDS) -> Band | None:
        """The band inside a day: only a crossing with the margin beyond counts."""
        if score is None:
            return None
        plain = bands.plain(score)
        if self.band is None or plain == self.band:
            return plain
        direction = 1 if _RANK[plain] > _RANK[self.band] else -1
        return plain if _is_beyond(self.band, score, direction, bands) else self.band


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """A score with what it is made of.

    Shape: points won and missed of all contributions sum to 100, those won and the adjustments to `value`.
    Units: health points to the tenth; `coverage` the share of the model's weight that had data.
    """

    value: float | None
    computed: float | None
    band: Band | None
    band_held: Literal["young"] | None
    evidence: Evidence
    coverage: float
    model: str
    contributions: tuple[Contribution, ...]
    adjustments: tuple[Adjustment, ...]
    biggest_drag: str | None


def score_of(pulse: Pulse | None) -> float | None:
    """The score that the default model makes of a pulse; None when no measure has data."""
    return None if pulse is None else tenths(pulse.health) / 10.0


def score(pulse: Pulse | None, band: Band | None) -> ScoreResult:
    """The result of the default model, with the band that its history gives it (`band_of`, `band_within_day`).

    A young account is held above `risk`; its score stays what it is.
    """
    if pulse is None:
        return ScoreResult(None, None, None, None, "low", 0.0, MODEL, (), (), None)
    won = tenths(pulse.health)
    missed = 1000 - won
    is_held = pulse.young and band == "risk"
    value = won / 10.0
    return ScoreResult(
        value=value,
        computed=value,
        band="watch" if is_held else band,
        band_held="young" if is_held else None,
        evidence="low" if pulse.evidence == "low" or _PULSE_COVERAGE < _MIN_COVERAGE else "ok",
        coverage=_PULSE_COVERAGE,
        model=MODEL,
        contributions=(Contribution("pulse", value, missed / 10.0, "data"),),
        adjustments=(),
        biggest_drag="pulse" if missed else None,
    )


def bands_over_days(scores: Iterable[float | None], bands: Bands = DEFAULT_BANDS) -> list[Band | None]:
    """The band at each day boundary, from an empty past."""
    state = BandState()
    found: list[Band | None] = []
    for value in scores:
        state = state.at_boundary(value, bands)
        found.append(state.band)
    return found


def replayed(history: Sequence[DayScore], as_of: Day, bands: Bands = DEFAULT_BANDS) -> BandState:
    """The state before `as_of`, replayed over the 28 day boundaries before it; a day without a row is unknown.

    Live scores and reads of a past day both come from this, so they cannot drift apart.
    """
    scores = {row.day: row.score for row in history if as_of - BOUNDARIES <= row.day < as_of}
    state = BandState()
    for day in range(as_of - BOUNDARIES, as_of):
        state = state.at_boundary(scores.get(Day(day)), bands)
    return state


def tenths(points: float) -> int:
    """Points as a whole number of tenths, half up."""
    return math.floor(points * 10.0 + 0.5)


def in_tenths(parts: Sequence[float], total: int) -> list[int]:
    """Parts rounded to tenths so that they sum to `total` tenths: the largest remainders give way, earlier ones first.

    Source: SCORING.md 5, "Contributions".
    """
    floors = [math.floor(part * 10.0 + 1e-9) for part in parts]
    order = sorted(range(len(parts)), key=lambda place: (floors[place] - parts[place] * 10.0, place))
    short = total - sum(floors)
    step = 1 if short > 0 else -1
    for place in (order if short > 0 else order[::-1])[: abs(short)]:
        floors[place] += step
    return floors


def _is_beyond(band: Band, score: float, direction: int, bands: Bands) -> bool:
    return (score - bands.bound(band, direction)) * direction >= bands.margin
