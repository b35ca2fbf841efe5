"""What a person would expect to see of each story in the demo, whatever the day on which it is made.

| story | score | first reason | alerts open |
|---|---|---|---|
| steady, growing | good | | none |
| seat_pressed | good | | expansion.seat_pressure |
| fading | watch or risk | OVERDUE | risk.silence and risk.pulse_crossing |
| silent | watch or risk | OVERDUE | risk.silence and risk.pulse_crossing |
| never_activated | risk, on little evidence | PACE | none: nothing is known of them that could have changed |
| left | out of the list: their contracts ended | | none |

The holiday opens nothing: its week was declared, so no silence is charged for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kizashi_local.demo.names import Story

BOTH_RISKS: Final = frozenset(("risk.silence", "risk.pulse_crossing"))


@dataclass(frozen=True)
class Expected:
    """Units: scores are health points. `reasons`: which codes may come first; empty means that any may."""

    lowest: float
    highest: float
    bands: frozenset[str]
    evidence: str = "ok"
    reasons: frozenset[str] = frozenset()
    alerts: frozenset[str] = frozenset()
    lifecycle: str = "live"


_GOOD: Final = Expected(70.0, 100.0, frozenset(("good",)))
_LEAVING: Final = Expected(
    5.0, 60.0, frozenset(("watch", "risk")), reasons=frozenset(("OVERDUE", "SILENCE", "PACE")), alerts=BOTH_RISKS
)

EXPECTED: Final[Mapping[Story, Expected]] = {
    "steady": _GOOD,
    "growing": _GOOD,
    "seat_pressed": Expected(70.0, 100.0, frozenset(("good",)), alerts=frozenset(("expansion.seat_pressure",))),
    "fading": _LEAVING,
    "silent": _LEAVING,
    "never_activated": Expected(
        5.0, 40.0, frozenset(("risk",)), evidence="low", reasons=frozenset(("PACE", "SILENCE"))
    ),
    "left": Expected(0.0, 20.0, frozenset(("risk",)), lifecycle="churned"),
}
