"""Two kinds of time: local days of a workspace, and the operating time that passes while it works.

A day is an integer, so windows are subtraction; only the edges of a day need the zone. Operating time is what silence
is measured in: a declared day off moves it by a twentieth of a day.

Source: SCORING.md 3.1; HEALTH.md 8.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final, NewType
from zoneinfo import ZoneInfo

Day = NewType("Day", int)
"""A local calendar day of the workspace: `date.toordinal()`."""

DAY_OFF_WEIGHT: Final = 0.05
"""How much of a day passes on a declared day off. Units: operating days."""

_SECONDS_TO_SEARCH: Final = 86_400


def day_of(value: date) -> Day:
    """The day that a date names."""
    return Day(value.toordinal())


def date_of(day: Day) -> date:
    """The date that a day is."""
    return date.fromordinal(day)


def local_day(instant: datetime, zone: ZoneInfo) -> Day:
    """The local day on which an aware instant falls."""
    return Day(instant.astimezone(zone).toordinal())


def named_day(named: date | datetime, zone: ZoneInfo) -> Day:
    """The day that a reader names, by its date or by an instant that falls on it: a local one, if it has no zone."""
    if isinstance(named, datetime) and named.tzinfo is not None:
        return local_day(named, zone)
    return day_of(named)


def midnight(day: Day, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC.

    Where clocks jump over midnight it is the instant of the jump; where midnight comes twice, the first one; a day that
    a zone left out altogether begins when the next one does.
    """
    local = datetime.combine(date_of(day), datetime.min.time(), tzinfo=zone)
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    return _first_instant(day, zone, instant)


def _first_instant(day: Day, zone: ZoneInfo, latest: datetime) -> datetime:
    """The earliest second up to `latest` that lies on `day` or later: for a jump that begins before midnight."""
    earliest = latest - timedelta(seconds=_SECONDS_TO_SEARCH)
    seconds = bisect_left(
        range(_SECONDS_TO_SEARCH), day, key=lambda second: local_day(earliest + timedelta(seconds=second), zone)
    )
    return earliest + timedelta(seconds=seconds)


def monday_of(day: Day) -> Day:
    """The Monday of the week that a day lies in, itself included: calibrations are made as of Mondays."""
    return Day(day - (day - 1) % 7)


class Clock:
    """Operating time of a workspace on the clock `plain`: every day counts 1, a declared day off a twentieth.

    Source: SCORING.md 3.1.
    """

    __slots__ = ("_tables", "days_off")

    def __init__(self, days_off: Iterable[Day] = ()) -> None:
        self.days_off: Final[tuple[Day, ...]] = tuple(sorted(set(days_off)))
        self._tables: Final[dict[tuple[int, float], DecayTable]] = {}

    def at(self, day: Day) -> float:
        """Operating days that have passed at the start of `day`, from an arbitrary but fixed origin."""
        return day - (1.0 - DAY_OFF_WEIGHT) * bisect_left(self.days_off, day)

    def between(self, first: Day, last: Day) -> float:
        """Operating days from the start of `first` to the start of `last`."""
        return (last - first) - (1.0 - DAY_OFF_WEIGHT) * (
            bisect_left(self.days_off, last) - bisect_left(self.days_off, first)
        )

    def decay(self, as_of: Day, half_life: float) -> DecayTable:
        """The weights by which days before `as_of` fade; one table serves all accounts and about two years of `as_of`.

        Units: `half_life` operating days.
        """
        block = as_of // DecayTable.SPAN
        table = self._tables.get((block, half_life))
        if table is None:
            table = self._tables[block, half_life] = DecayTable(self, block, half_life)
        return table


class DecayTable:
    """2^(-age / half-life) for each day, newest first, counted from the end of a block of days.

    Counting from a block's end instead of from each `as_of` lets one table serve every reading in it; the distance from
    there to the reading is one more factor. Older days are added when they are first asked for.
    """

    SPAN: Final = 512
    """Days of a block: short enough that the shortest half-life neither overflows nor loses digits in it."""

    __slots__ = ("_anchor", "_clock", "_half_life", "_weights", "newest")

    def __init__(self, clock: Clock, block: int, half_life: float) -> None:
        self.newest: Final = Day((block + 1) * self.SPAN - 1)
        self._clock = clock
        self._half_life = half_life
        self._anchor = clock.at(self.newest)
        self._weights: list[float] = []

    def weights(self, newest: Day, count: int) -> list[float]:
        """The weights of `newest`, the day before it, and so on, `count` of them."""
        skip = self.newest - newest
        known = self._weights
        for back in range(len(known), skip + count):
            age = self._anchor - self._clock.at(Day(self.newest - back))
            known.append(2.0 ** (-age / self._half_life))
        return known[skip : skip + count]

    def factor(self, as_of: Day) -> float:
        """What a sum of weights is multiplied by to be read as of a day of this block."""
        return float(2.0 ** ((self._anchor - self._clock.at(as_of)) / self._half_life))
