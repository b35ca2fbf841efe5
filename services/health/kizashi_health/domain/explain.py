"""Why a score is what it is: the pulse's terms as points that add up, each with its value and its own normal in words.

Source: SCORING.md 3.3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from kizashi_common.contracts.scores import REASON_CODES
from kizashi_health.domain.pulse import TERMS, Calibration, Inputs, Pulse, Term
from kizashi_health.domain.score import in_tenths, tenths


class Reason(NamedTuple):
    """One reason. Units: signed health points to the tenth; negative ones pull the score down."""

    code: str
    term: Term
    points: float
    text: str


class Breakdown(NamedTuple):
    """A score taken apart: `baseline` + all `points` (the terms and `scale`) is the score, exactly in tenths."""

    baseline: float
    points: Mapping[str, float]


_DAYS_PER_MONTH: Final = 30.0


def breakdown(pulse: Pulse) -> Breakdown:
    """The pulse's health to the tenth, as what the typical account has and what each term adds or takes."""
    parts = [pulse.baseline, *(pulse.points[term] for term in TERMS), pulse.scale]
    rounded = [part / 10.0 for part in in_tenths(parts, tenths(pulse.health))]
    return Breakdown(rounded[0], dict(zip((*TERMS, "scale"), rounded[1:], strict=True)))


def reasons(pulse: Pulse, calibration: Calibration) -> tuple[Reason, ...]:
    """The terms that move this score by a tenth or more, the most negative first."""
    points = breakdown(pulse).points
    found = [
        Reason(REASON_CODES[term], term, points[term], _WORDS[term](pulse.inputs, calibration))
        for term in TERMS
        if points[term]
    ]
    return tuple(sorted(found, key=lambda reason: reason.points))


def top_reasons(found: tuple[Reason, ...], most: int = 3) -> tuple[Reason, ...]:
    """What a row has room for: what pulls the score down, or when nothing does, the best that lifts it."""
    falling = tuple(reason for reason in found if reason.points < 0)
    return falling[:most] if falling else found[-1:]


def _silence(read: Inputs, _: Calibration) -> str:
    silent = _number(read.silent)
    if read.active_days == 0:
        return f"{silent} operating {_days(silent)} since the start and never active"
    if silent == "0":
        return "active on the last operating day"
    missed = _number(read.missed)
    return f"{silent} operating {_days(silent)} silent, {missed} active {_days(missed)} missed"


def _overdue(read: Inputs, _: Calibration) -> str:
    if read.missed <= 4.0:
        return "within its own rhythm"
    return f"far beyond its own rhythm: {_number(read.missed)} usual days missed"


def _pace(read: Inputs, calibration: Calibration) -> str:
    typical = _number(calibration.prior_pace * _DAYS_PER_MONTH)
    if read.active_days == 0:
        # Its pace is nothing but the prior's fading: to call that active days would be a lie.
        return f"no active day yet; the typical account here {typical} a month"
    own = _number(read.pace * _DAYS_PER_MONTH)
    return f"{own} active {_days(own)} a month; the typical account here {typical}"


def _fading(read: Inputs, _: Calibration) -> str:
    return f"recent pace {round(100.0 * read.recent / read.pace)} % of its own"


def _youth(read: Inputs, _: Calibration) -> str:
    return f"in its {_ordinal(int(read.span // _DAYS_PER_MONTH) + 1)} month of use"


_WORDS: Final[Mapping[Term, Callable[[Inputs, Calibration], str]]] = {
    "silence": _silence,
    "overdue": _overdue,
    "pace": _pace,
    "fading": _fading,
    "youth": _youth,
}


def _number(value: float) -> str:
    """One decimal below ten, none above, and no trailing `.0`."""
    rounded = round(value, 1) if value < 9.95 else round(value)
    return f"{rounded:g}"


def _days(number: str) -> str:
    return "day" if number == "1" else "days"


def _ordinal(number: int) -> str:
    last = number % 10 if number % 100 not in (11, 12, 13) else 0
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(last, 'th') }"
