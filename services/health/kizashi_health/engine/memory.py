"""What the engine of one partition holds: its accounts, its workspaces, the ids it has seen, and the log's own time.

`now` is the latest instant that the log itself has shown (a record's time of appending, or proved completeness); the
wall clock plays no part, so a replay decides alike.

Source: HEALTH.md 1, 8, 12.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from kizashi_common.contracts.envelope import Outgoing
from kizashi_common.contracts.scores import Reason
from kizashi_common.stream.dedupe import SeenIds
from kizashi_common.stream.shapes import Counts, DeadLetter
from kizashi_health.domain.calendar import Day, local_day
from kizashi_health.engine.contexts import Contexts
from kizashi_health.engine.flush import FactRow, ScoreRow
from kizashi_health.engine.noted import Noted
from kizashi_health.engine.rows import AccountKey, Rows, StoredAccount
from kizashi_health.engine.subject import Subject, loaded_subject, new_subject

ROWS_BACK: Final = 120
"""Days of day rows that an account has in memory: what signals read, and some slack."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What bounds an engine.

    `publish_every`: at most one ordinary message per account in so long.
    `secret` keys the message ids; the store adds it.
    """

    publish_every: timedelta = timedelta(minutes=15)
    most_subjects: int = 50_000
    cache_ids: int = 4_000_000
    secret: bytes = b""


@dataclass(slots=True)
class DayTotal:
    """A workspace's day in this slot."""

    active_accounts: int = 0
    events: int = 0


@dataclass(slots=True)
class Pending:
    """What the next flush will carry beside the accounts' own rows."""

    counts: list[int] = field(default_factory=lambda: [0] * len(Counts._fields))
    dead_letters: list[DeadLetter] = field(default_factory=list)
    facts: list[FactRow] = field(default_factory=list)
    scores: list[ScoreRow] = field(default_factory=list)
    messages: list[Outgoing] = field(default_factory=list)
    wakes_done: list[int] = field(default_factory=list)
    days: set[tuple[str, Day]] = field(default_factory=set)
    noted: Noted = field(default_factory=Noted)


class Memory:
    """Shared by the parts of the engine; each changes only what its own step concerns."""

    def __init__(
        self, contexts: Contexts, totals: Mapping[tuple[str, Day], DayTotal], settings: EngineSettings
    ) -> None:
        self.settings = settings
        self.contexts = contexts
        self.subjects: OrderedDict[AccountKey, Subject] = OrderedDict()
        self.seen = SeenIds(settings.cache_ids)
        self.totals = dict(totals)
        self.pending = Pending()
        self.touched: dict[AccountKey, None] = {}
        """Accounts whose score must be computed again, in the order in which they were touched."""
        self.untouched = 0
        """How many have left that line."""
        self.dirty: dict[AccountKey, None] = {}
        """Accounts of which something must be written."""
        self.now: datetime | None = None
        self.through: datetime | None = None
        self._today: dict[ZoneInfo, tuple[datetime, Day]] = {}

    def advance(self, instant: datetime) -> None:
        """The log has shown this instant."""
        if self.now is None or instant > self.now:
            self.now = instant

    def today(self, zone: ZoneInfo) -> Day | None:
        """The local day up to which input is proved complete; None before the first proof."""
        if self.through is None:
            return None
        known = self._today.get(zone)
        if known is None or known[0] is not self.through:
            # Asked for every event, while the proof moves once in a while.
            known = self._today[zone] = self.through, local_day(self.through, zone)
        return known[1]

    def rows_since(self) -> Day:
        """The first day whose rows are kept in memory."""
        return Day(1) if self.now is None else Day(self.now.toordinal() - ROWS_BACK)

    def subject(self, key: AccountKey, at: datetime) -> Subject:
        """The account, made when nobody has heard of it; `needs` has loaded it if it exists."""
        subject = self.subjects.get(key)
        if subject is None:
            subject = new_subject(key, local_day(at, self.contexts[key.workspace].workspace.zone))
            self.subjects[key] = subject
        self.subjects.move_to_end(key)
        self.touched[key] = None
        self.dirty[key] = None
        return subject

    def touch(self, subject: Subject, cause: Reason) -> None:
        """The account's score must be computed again."""
        subject.touch(cause)
        self.mark(subject)
        self.touched[subject.key] = None

    def untouch(self, key: AccountKey) -> None:
        """The account's score is computed, or need not be."""
        if key in self.touched:
            del self.touched[key]
            self.untouched += 1

    def touch_stale(self) -> None:
        """Every account whose score must be computed again waits for it."""
        self.touched |= {key: None for key, subject in self.subjects.items() if subject.cause is not None}

    def mark(self, subject: Subject) -> None:
        """Something of it must be written."""
        self.dirty[subject.key] = None

    def of_workspace(self, workspace: str) -> Iterator[Subject]:
        """Every account of a workspace that is in memory."""
        return (subject for key, subject in self.subjects.items() if key.workspace == workspace)

    def load(self, accounts: Mapping[AccountKey, StoredAccount], since: Day) -> None:
        """Takes accounts as committed; one that is in memory already is newer there."""
        for key, stored in accounts.items():
            if key not in self.subjects:
                self.subjects[key] = loaded_subject(stored, since)
                if self.subjects[key].cause is not None:
                    self.touched[key] = None

    def load_rows(self, rows: Rows) -> None:
        """Takes single day rows that an old event is about to touch."""
        for (key, day), row in rows.days.items():
            self.subjects[key].activity.rows.setdefault(day, row)

    def count_day(self, workspace: str, day: Day, *, is_new_active: bool) -> None:
        """One more applied event on a workspace's day."""
        total = self.totals.setdefault((workspace, day), DayTotal())
        total.events += 1
        total.active_accounts += is_new_active
        self.pending.days.add((workspace, day))

    def evict(self) -> None:
        """Forgets accounts, least recently touched first, that have nothing to write, compute or send."""
        excess = len(self.subjects) - self.settings.most_subjects
        if excess <= 0:
            return
        clean = [key for key, subject in self.subjects.items() if subject.is_clean][:excess]
        for key in clean:
            del self.subjects[key]
            # Touched by what changed no score: nothing of it waits.
            self.untouch(key)
