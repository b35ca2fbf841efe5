"""How many people use an account.

Source: SCORING.md 2, "users".
"""

from __future__ import annotations

from typing import Final

from kizashi_health.domain.signal import Signal, View, number

_WEEKLY_POINTS: Final = 13
_FEWEST_DAYS: Final = 56


def _active(days: int, view: View) -> float | None:
    return number(view.users.active(days))


def _peak_90(view: View) -> float | None:
    if view.age is None or view.age < _FEWEST_DAYS:
        return None
    known = [users for week in range(_WEEKLY_POINTS) if (users := view.users.active_28(7 * week)) is not None]
    return number(max(known, default=None))


SIGNALS: Final = (
    Signal("users.active_1", "num", "users", "Distinct users of the last day.", lambda view: _active(1, view)),
    Signal("users.active_7", "num", "users", "Distinct users of the last 7 days.", lambda view: _active(7, view)),
    Signal(
        "users.active_28",
        "num",
        "users",
        "Distinct users of the last 28 days.",
        lambda view: number(view.users.active_28()),
    ),
    Signal("users.peak_90", "num", "users", "The largest active_28 at the last 13 weekly points.", _peak_90),
)
