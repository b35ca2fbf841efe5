"""Walks through the accounts of a workspace, a page at a time: what a day that began and new settings ask for.

A wake of this kind concerns every account. All that wait for one workspace share a walk; its next page is asked for
when the work of the one before is done, so neither memory nor the loop ever holds a whole workspace.

Source: HEALTH.md 9 and 10.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice
from typing import Final, NamedTuple, cast
from uuid import UUID

from kizashi_common.contracts.ids import account_uuid
from kizashi_common.contracts.scores import Reason
from kizashi_common.stream.shapes import Wake
from kizashi_health.domain.calendar import Day, day_of, midnight
from kizashi_health.domain.signal import Workspace
from kizashi_health.engine.contexts import on_day
from kizashi_health.engine.memory import Memory
from kizashi_health.engine.rows import PAGE, AccountKey, Keys, Page, Rows
from kizashi_health.engine.subject import Subject

DAY: Final = "day:"
SETTINGS: Final = "settings"
HISTORY: Final = "history"
REBUILD: Final = "rebuild"

_SIDE_BY_SIDE: Final = 10
"""Workspaces that are walked through at once: many are small."""


class Start(NamedTuple):
    """A day that begins, and why scores of it are told."""

    day: Day
    reason: Reason


class Boundary(NamedTuple):
    """One account to be read as of the start of a day, under what that day began with."""

    key: AccountKey
    day: Day
    wake: int
    reason: Reason
    workspace: Workspace


@dataclass(slots=True)
class Walk:
    """`after`: the last account that was taken. `days`: what each day began with, by its wake."""

    workspace: str
    wakes: list[Wake]
    after: UUID | None = None
    days: dict[int, Workspace] = field(default_factory=dict)

    @property
    def page(self) -> Page:
        """What is to be taken next."""
        return Page(self.workspace, self.after)


def day_wake(day: date, reason: Reason) -> str:
    """What a wake says when a local day began. Scores of a day with the reason `rebuild` are kept and not published."""
    return f"{DAY}{day.isoformat()}:{reason}"


class Walks:
    """The wakes that are taken, and how much of each is left."""

    def __init__(self, memory: Memory) -> None:
        self.boundaries: Final[deque[Boundary]] = deque()
        self._memory = memory
        self._walks: dict[str, Walk] = {}
        self._left: dict[int, int] = {}
        """For each wake the walks and boundaries that are not done; 0 when its row waits to be deleted, or is."""
        self._sweeping: dict[int, None] = {}
        self._until = 0

    @property
    def sweeps(self) -> tuple[int, ...]:
        """The wakes of days that have begun and of which accounts still wait."""
        return tuple(self._sweeping)

    def needs(self, wakes: Sequence[Wake]) -> Keys | None:
        """The next page of each walk."""
        turn = self._turn(self._new(wakes))
        if not turn:
            return None
        begin = [walk for walk in turn if walk.after is None]
        return Keys(
            since=self._memory.rows_since(),
            pages=tuple(walk.page for walk in turn),
            workspaces=frozenset(walk.workspace for walk in begin),
            begun=frozenset((walk.workspace, _start(wake).day) for walk in begin for wake in _days(walk.wakes)),
        )

    def take(self, wakes: Sequence[Wake], rows: Rows | None, keys: Keys | None) -> None:
        """Takes what was read; a wake's row is deleted in the flush that holds the last of its work."""
        for wake in wakes:
            if not wake.workspace and wake.id not in self._left and not self._memory.contexts.names():
                self._close(wake.id)
        if rows is None or keys is None:
            return
        new = self._new(wakes)
        turn = self._turn(new)
        for walk in new.values():
            self._walks[walk.workspace] = walk
            for wake in walk.wakes:
                self._left[wake.id] = self._left.get(wake.id, 0) + 1
        self._memory.contexts.renew(rows.workspaces)
        self._memory.load(rows.accounts, keys.since)
        for walk in turn:
            self._step(walk, rows)
        # First come, first scored: when so many have left the line, those of these pages have.
        self._until = self._memory.untouched + len(self._memory.touched)

    def forget(self, wakes: Sequence[int]) -> None:
        """These wake rows are gone with the flush that is being drained; ids are never used twice."""
        for wake in wakes:
            self._left.setdefault(wake, 0)

    def done(self, boundary: Boundary) -> None:
        """One of the boundaries was read."""
        self._finish(boundary.wake)

    # -- which

    def _new(self, wakes: Sequence[Wake]) -> dict[str, Walk]:
        """Walks for wakes that were not taken yet. Behind a walk through the same accounts they wait for its end."""
        found: dict[str, Walk] = {}
        for wake in wakes:
            if wake.id in self._left or not self._has_come(wake):
                continue
            for name in self._names(wake):
                found.setdefault(name, Walk(name, [])).wakes.append(wake)
        return found

    def _names(self, wake: Wake) -> Iterable[str]:
        if wake.workspace:
            return () if wake.workspace in self._walks else (wake.workspace,)
        return () if self._walks else sorted(self._memory.contexts.names())

    def _has_come(self, wake: Wake) -> bool:
        """A day has when this partition's input is proved past its midnight."""
        if not wake.why.startswith(DAY):
            return True
        zone = self._memory.contexts[wake.workspace].workspace.zone
        return self._memory.through is not None and self._memory.through >= midnight(_start(wake).day, zone)

    def _turn(self, new: dict[str, Walk]) -> list[Walk]:
        """Those that take a page now: none while the pages before are worked on."""
        if self.boundaries or self._memory.untouched < self._until:
            return []
        return list(islice((*self._walks.values(), *new.values()), _SIDE_BY_SIDE))

    # -- steps

    def _step(self, walk: Walk, rows: Rows) -> None:
        keys = rows.pages[walk.page]
        subjects = [self._memory.subjects[key] for key in keys]
        if walk.after is None:
            # Those that no flush has written yet are on no page.
            subjects += [one for one in self._memory.of_workspace(walk.workspace) if one.is_new and one.key not in keys]
            now = self._memory.contexts[walk.workspace].workspace
            for wake in _days(walk.wakes):
                walk.days[wake.id] = on_day(now, rows.begun.get((walk.workspace, _start(wake).day)))
        for wake in walk.wakes:
            for subject in subjects:
                self._ask(subject, wake, walk, rows)
        if len(keys) < PAGE:
            del self._walks[walk.workspace]
            for wake in walk.wakes:
                self._finish(wake.id)
        else:
            walk.after = account_uuid(*keys[-1])

    def _ask(self, subject: Subject, wake: Wake, walk: Walk, rows: Rows) -> None:
        if wake.why.startswith(DAY):
            self._begin_day(subject, wake, walk.days[wake.id])
            return
        self._memory.touch(subject, "model_change" if wake.why == SETTINGS else "rebuild")
        if wake.why == REBUILD:
            subject.published = replace(subject.published, at=None)
        stored = rows.accounts.get(subject.key)
        if wake.why == HISTORY and stored is not None:
            subject.history = list(stored.history)

    def _begin_day(self, subject: Subject, wake: Wake, workspace: Workspace) -> None:
        day, reason = _start(wake)
        if subject.account.named_day < day:
            self.boundaries.append(Boundary(subject.key, day, wake.id, reason, workspace))
            self._left[wake.id] += 1
            self._sweeping[wake.id] = None
        elif reason != "rebuild":
            # Named since: it has no row of this day, but what the day began with holds for it too.
            self._memory.touch(subject, "model_change")

    def _finish(self, wake: int) -> None:
        self._left[wake] -= 1
        if not self._left[wake]:
            self._close(wake)

    def _close(self, wake: int) -> None:
        self._left[wake] = 0
        pending = self._memory.pending
        pending.wakes_done.append(wake)
        if wake in self._sweeping:
            del self._sweeping[wake]
            pending.noted.swept.append(wake)


def _days(wakes: Iterable[Wake]) -> list[Wake]:
    return [wake for wake in wakes if wake.why.startswith(DAY)]


def _start(wake: Wake) -> Start:
    day, _, reason = wake.why.removeprefix(DAY).partition(":")
    return Start(day_of(date.fromisoformat(day)), cast("Reason", reason))
