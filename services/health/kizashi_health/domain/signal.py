"""A signal: a named, typed number about an account as of a day, or UNKNOWN, which is the absence of a value.

A function of a View and nothing else, so a live score, a sweep and a read of a past day get the same value.

Source: SCORING.md 1 and 2; ARCHITECTURE.md 5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Final, Literal
from zoneinfo import ZoneInfo

from kizashi_common.contracts.scores import SignalValue
from kizashi_health.domain.account import Account, Moment
from kizashi_health.domain.activity import DayRow
from kizashi_health.domain.calendar import Clock, Day
from kizashi_health.domain.fact import Money
from kizashi_health.domain.pulse import Calibration, Pulse, PulseSettings
from kizashi_health.domain.score import DayScore, ScoreResult
from kizashi_health.domain.windows import UserWindows

SignalType = Literal["num", "bool", "text", "list", "date"]
Unit = Literal[
    "", "days", "op.days", "users", "events", "seats", "share", "probability", "points", "money", "sd", "name"
]

DEFAULT_COVERAGE: Final = 0.6
DEFAULT_MAX_AGE: Final = timedelta(hours=36)
FED_BY_EVENTS: Final = ("usage.", "users.", "feature.")
"""Families that are UNKNOWN in a workspace that never sent an event."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """What a workspace lends to the reading of each of its accounts.

    Shape: `revenues` are yearly revenues of its accounts, ascending (all, or quantiles of them); `median_revenue` is
    None while nobody's is known.
    """

    zone: ZoneInfo
    clock: Clock
    settings: PulseSettings
    calibration: Calibration
    revenues: Sequence[float] = ()
    median_revenue: float | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """All that a signal may see beside the account: its moment, its workspace, and what was made of its activity.

    Shape: `history` holds the scores of earlier day boundaries, in any order; rows on or after `as_of` are not read.
    """

    workspace: Workspace
    moment: Moment
    start: Day | None
    pulse: Pulse | None
    score: ScoreResult
    history: Sequence[DayScore] = ()

    @property
    def as_of(self) -> Day:
        """Only days before it are read."""
        return self.moment.as_of


class View:
    """An account in its context, and what several signals need of it, computed at most once."""

    def __init__(self, account: Account, context: Context) -> None:
        self.account: Final = account
        self.context: Final = context
        self.as_of: Final = context.as_of

    @cached_property
    def age(self) -> int | None:
        """Calendar days since the start."""
        start = self.context.start
        return None if start is None else self.as_of - start

    @cached_property
    def users(self) -> UserWindows:
        """Distinct users of recent windows."""
        return UserWindows(self.account.activity.rows, self.as_of)

    @cached_property
    def revenue(self) -> Money | None:
        """What the account pays by the year."""
        return self.account.yearly_revenue(self.context.moment)

    @cached_property
    def past_scores(self) -> dict[Day, DayScore]:
        """The scores of earlier day boundaries under the present model, by day."""
        model = self.context.score.model
        return {row.day: row for row in self.context.history if row.day < self.as_of and row.model == model}

    def active_days(self, days: int, back: int = 0) -> int:
        """Active days among the `days` days that end `back` days before `as_of`."""
        end = Day(self.as_of - back)
        return self.account.activity.days.count(Day(end - days), end)

    def rows(self, days: int) -> list[DayRow]:
        """The day rows of the last `days` days that have one."""
        rows = self.account.activity.rows
        return [row for day in range(self.as_of - days, self.as_of) if (row := rows.get(Day(day))) is not None]


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal: its name is the contract that rules and segments are written against.

    `function` gives the value or None for UNKNOWN; numbers are floats, dates RFC 3339 texts. `needs_coverage` is the
    share of the window that must be proved, `max_age` how old the value may be before rules leave it out.
    """

    name: str
    type: SignalType
    unit: Unit
    meaning: str
    function: Callable[[View], SignalValue | None]
    needs_coverage: float = DEFAULT_COVERAGE
    max_age: timedelta = DEFAULT_MAX_AGE

    @property
    def is_fed_by_events(self) -> bool:
        """It says something about use, so it is UNKNOWN where no event was ever received."""
        return self.name.startswith(FED_BY_EVENTS)


def number(value: float | None) -> float | None:
    """A number as rules have it: a float, or UNKNOWN."""
    return None if value is None else float(value)


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the two. Shape: at least one value."""
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2.0
