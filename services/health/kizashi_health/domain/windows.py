"""Distinct users of every 28-day window that ends within the last twelve weeks, from one pass over the day rows.

A union of sets cannot be taken back, so windows do not slide by subtraction: unions run forwards and backwards inside
blocks of 28 days, and each window is the union of one of each.

Source: SCORING.md 2, "users"; HEALTH.md 10 (at most 112 day rows per account).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from operator import or_
from typing import Final

from kizashi_health.domain.activity import DayRow
from kizashi_health.domain.calendar import Day

WINDOW: Final = 28
ROWS_READ: Final = 112
"""How many day rows before `as_of` signals read; whoever computes them has these loaded."""
BOUNDARIES_READ: Final = ROWS_READ - WINDOW + 1
"""How many day boundaries, `as_of` included, have a whole window in those rows."""


class UserWindows:
    """Distinct human users of windows of 28 days. UNKNOWN where under half of a window's human events name a user."""

    __slots__ = ("_as_of", "_backwards", "_forwards", "_named", "_rows", "_seen")

    def __init__(self, rows: Mapping[Day, DayRow], as_of: Day) -> None:
        self._as_of = as_of
        self._rows = rows
        found = [rows.get(Day(day)) for day in range(as_of - ROWS_READ, as_of)]
        users = [0 if row is None else row.users for row in found]
        self._seen = list(accumulate((0 if row is None else row.human for row in found), initial=0))
        self._named = list(accumulate((0 if row is None else row.human - row.anonymous for row in found), initial=0))
        self._forwards: list[int] = []
        self._backwards: list[int] = []
        for begin in range(0, ROWS_READ, WINDOW):
            block = users[begin : begin + WINDOW]
            self._forwards += accumulate(block, or_)
            self._backwards += reversed(list(accumulate(reversed(block), or_)))

    def active_28(self, back: int = 0) -> int | None:
        """Distinct users of the 28 days before `as_of - back` days; `back` is 0 to 84."""
        first = ROWS_READ - WINDOW - back
        if not self._is_named(first, first + WINDOW):
            return None
        return (self._backwards[first] | self._forwards[first + WINDOW - 1]).bit_count()

    def active(self, days: int) -> int | None:
        """Distinct users of the last `days` days, up to 28."""
        if not self._is_named(ROWS_READ - days, ROWS_READ):
            return None
        users = 0
        for day in range(self._as_of - days, self._as_of):
            row = self._rows.get(Day(day))
            users |= 0 if row is None else row.users
        return users.bit_count()

    def _is_named(self, first: int, end: int) -> bool:
        return 2 * (self._named[end] - self._named[first]) >= self._seen[end] - self._seen[first]
