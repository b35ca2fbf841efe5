"""What the engine asks the store for, and what it gets: values, no SQL.

Source: HEALTH.md 12, "Memory".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from kizashi_common.contracts.commands.health import WorkspaceSettings
from kizashi_common.contracts.scores import Band, Reason
from kizashi_health.domain.activity import Activity, DayRow
from kizashi_health.domain.calendar import Day
from kizashi_health.domain.fact import Facts
from kizashi_health.domain.pulse import Calibration
from kizashi_health.domain.score import DayScore

PAGE: Final = 50
"""Accounts that are read at once: with all their day rows, about a twentieth of a second of the loop."""


class AccountKey(NamedTuple):
    """An account by its names."""

    workspace: str
    external_id: str


@dataclass(frozen=True, slots=True)
class Published:
    """The last message about an account. `over_cut`: its probability had reached the cut."""

    seq: int = 0
    at: datetime | None = None
    band: Band | None = None
    over_cut: bool | None = None


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """An account as it rests in the database. Its day rows reach back to the asked day only; since `stale_since` its
    score waits to be computed, and `unsent` is why its last one waits to be told."""

    key: AccountKey
    id: UUID
    named_day: Day
    activity: Activity
    facts: Facts
    history: Sequence[DayScore]
    published: Published
    stale_since: datetime | None = None
    unsent: Reason | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A day that a workspace has begun, and what holds on it for all accounts. `calibration` is None before the first
    one; `arr_quantiles` are ascending yearly revenues."""

    day: Day
    calibration: Calibration | None
    arr_quantiles: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class StoredWorkspace:
    """What holds for all accounts of a workspace now. `first_day` is the first day on which anything was observed,
    `begun` the last day that has begun; each None before it."""

    settings: WorkspaceSettings
    first_day: Day | None
    begun: Begun | None


class Page(NamedTuple):
    """The next accounts of a workspace in the order of their ids, at most `PAGE`; `after` is None for the first."""

    workspace: str
    after: UUID | None


@dataclass(frozen=True, slots=True)
class Keys:
    """Rows that memory lacks. `since`: day rows of an account from this day on; `newest_day` is the log's last."""

    since: Day
    accounts: frozenset[AccountKey] = frozenset()
    days: frozenset[tuple[AccountKey, Day]] = frozenset()
    id_days: frozenset[int] = frozenset()
    pages: tuple[Page, ...] = ()
    workspaces: frozenset[str] = frozenset()
    begun: frozenset[tuple[str, Day]] = frozenset()
    newest_day: int = 0


@dataclass(slots=True)
class Rows:
    """The answer to `Keys`: what is not there does not exist."""

    accounts: Mapping[AccountKey, StoredAccount] = field(default_factory=dict)
    days: Mapping[tuple[AccountKey, Day], DayRow] = field(default_factory=dict)
    ids: Mapping[int, Sequence[bytes]] = field(default_factory=dict)
    workspaces: Mapping[str, StoredWorkspace] = field(default_factory=dict)
    begun: Mapping[tuple[str, Day], Begun] = field(default_factory=dict)
    pages: Mapping[Page, Sequence[AccountKey]] = field(default_factory=dict)
