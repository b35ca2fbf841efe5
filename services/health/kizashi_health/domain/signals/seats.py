"""How far the bought seats are used, and when they will be full.

Source: SCORING.md 2, "seats", and 10.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from kizashi_health.domain.calendar import Day, local_day
from kizashi_health.domain.facts.seats import SEATS
from kizashi_health.domain.signal import Signal, View
from kizashi_health.domain.windows import BOUNDARIES_READ

_WEEKS: Final = 9
_FEWEST_DAYS: Final = 56
_AHEAD_DAYS: Final = 90
_FLAT: Final = 1e-12


def _bought(view: View) -> float | None:
    return view.account.facts.value(SEATS, view.context.moment.facts_before)


def _used_ratio(view: View) -> float | None:
    bought, used = _bought(view), view.users.active_28()
    return None if not bought or used is None else used / bought


def _days_in_a_row(view: View, holds: Callable[[float], bool]) -> float | None:
    """For how many day boundaries in a row, `as_of` included, the used ratio holds; at most as many as rows tell of."""
    now = _used_ratio(view)
    if now is None:
        return None
    if not holds(now):
        return 0.0
    most = min(BOUNDARIES_READ, view.age or BOUNDARIES_READ)
    bought_then = _BoughtThen(view)
    for back in range(1, most):
        bought, used = bought_then.at(Day(view.as_of - back)), view.users.active_28(back)
        if not bought or used is None or not holds(used / bought):
            return float(back)
    return float(most)


class _BoughtThen:
    """The seats in force at earlier day boundaries, read backwards; avoids a midnight in a zone for every day."""

    def __init__(self, view: View) -> None:
        zone, before = view.context.workspace.zone, view.context.moment.facts_before
        self._steps = [
            (local_day(stated.at, zone), stated.value)
            for stated in view.account.facts.history(SEATS.name)
            if stated.at < before
        ]

    def at(self, day: Day) -> float | None:
        """The seats at the start of a day; each call asks for an earlier one."""
        while self._steps and self._steps[-1][0] >= day:
            self._steps.pop()
        return self._steps[-1][1] if self._steps else None


def _line(view: View) -> tuple[float, float] | None:
    """Users of the last 28 days and their slope per day through nine weekly values; None while too little is known."""
    if view.age is None or view.age < _FEWEST_DAYS:
        return None
    weekly = [view.users.active_28(7 * back) for back in range(_WEEKS - 1, -1, -1)]
    known = [float(users) for users in weekly if users is not None]
    return (known[-1], slope_of(known)) if len(known) == _WEEKS else None


def slope_of(weekly: list[float]) -> float:
    """The slope per day of the straight line through values seven days apart, oldest first."""
    middle = 3.5 * (len(weekly) - 1)
    mean = sum(weekly) / len(weekly)
    rise = sum((7 * place - middle) * (value - mean) for place, value in enumerate(weekly))
    return rise / sum((7 * place - middle) ** 2 for place in range(len(weekly)))


def days_to_full(used: float, slope: float, bought: float) -> float | None:
    """Days until the line meets the bought seats, 0 when they are full; None when it never does."""
    if used >= bought:
        return 0.0
    return (bought - used) / slope if slope > _FLAT else None


def _days_to_full(view: View) -> float | None:
    bought, line = _bought(view), _line(view)
    return None if not bought or line is None else days_to_full(*line, bought)


def _suggested(view: View) -> float | None:
    bought, line = _bought(view), _line(view)
    if not bought or line is None:
        return None
    used, slope = line
    if slope <= _FLAT and used < bought:
        return None
    return float(max(1, math.ceil(used + max(slope, 0.0) * _AHEAD_DAYS - _FLAT) - math.floor(bought)))


SIGNALS: Final = (
    Signal("seats.bought", "num", "seats", "Seats in the contract.", _bought),
    Signal("seats.used_ratio", "num", "share", "Users of the last 28 days against the seats bought.", _used_ratio),
    Signal(
        "seats.below_half_days",
        "num",
        "days",
        "Days in a row on which under half of the seats were used.",
        lambda view: _days_in_a_row(view, lambda ratio: ratio < 0.5),
    ),
    Signal(
        "seats.above_90_days",
        "num",
        "days",
        "Days in a row on which at least 90 % of the seats were used.",
        lambda view: _days_in_a_row(view, lambda ratio: ratio >= 0.9),
    ),
    Signal(
        "seats.days_to_full", "num", "days", "Days until all seats are used, if the last weeks go on.", _days_to_full
    ),
    Signal(
        "seats.suggested", "num", "seats", "Seats to add for the next 90 days, if the last weeks go on.", _suggested
    ),
)
