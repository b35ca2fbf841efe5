"""Records → counted use and facts: each exactly once, or set aside with a code.

Source: HEALTH.md 1, 6, 7, 10.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from kizashi_common.contracts.envelope import Record, caused_by
from kizashi_common.contracts.events import Event, Fact, FactItem, Heartbeat
from kizashi_common.contracts.scores import Reason
from kizashi_common.errors import Invalid, Poison
from kizashi_common.stream.dedupe import event_identity
from kizashi_common.stream.shapes import Claim, Counts, DeadLetter
from kizashi_health.domain.activity import Occurrence
from kizashi_health.domain.calendar import Day, local_day
from kizashi_health.domain.fact import Stated
from kizashi_health.domain.facts import understood
from kizashi_health.engine.flush import FactRow
from kizashi_health.engine.intake import Taken, is_historical, is_use, read
from kizashi_health.engine.memory import Memory
from kizashi_health.engine.rows import AccountKey, Keys, Rows
from kizashi_health.engine.subject import Subject

_APPLIED: Final = Counts._fields.index("applied")
_DUPLICATE: Final = Counts._fields.index("duplicates")
_DEAD: Final = Counts._fields.index("dead_lettered")
_CONTROL: Final = Counts._fields.index("control")


class Counting:
    """Applies the records of one partition."""

    def __init__(self, memory: Memory, claim: Claim) -> None:
        self._memory = memory
        self._partition = claim.partition
        self._partitions = claim.partitions
        self._read: list[Taken | DeadLetter] = []
        self._read_from: int | None = None
        self.heard_through: datetime | None = None

    def needs(self, records: Sequence[Record]) -> Keys | None:
        """What must be in memory before these can be applied."""
        self._read = [self._open(record) for record in records]
        self._read_from = records[0].offset
        accounts: set[AccountKey] = set()
        days: set[tuple[AccountKey, Day]] = set()
        id_days: set[int] = set()
        for taken in self._read:
            if isinstance(taken, Taken) and not isinstance(taken.message, Heartbeat):
                key = _key(taken.message)
                accounts.add(key)
                if isinstance(taken.message, Event):
                    id_days.add(taken.message.data.time.dedupe_day.toordinal())
                    days.add((key, self._day(taken.message)))
        memory = self._memory
        since = memory.rows_since()
        keys = Keys(
            since=since,
            accounts=frozenset(key for key in accounts if key not in memory.subjects),
            days=frozenset(pair for pair in days if self._lacks_row(*pair, since)),
            id_days=frozenset(memory.seen.missing(id_days, {record.at.toordinal() for record in records})),
            newest_day=max(memory.seen.newest, records[-1].at.toordinal()),
        )
        return keys if keys.accounts or keys.days or keys.id_days else None

    def _lacks_row(self, key: AccountKey, day: Day, since: Day) -> bool:
        subject = self._memory.subjects.get(key)
        if subject is None:
            return day < since
        return day < subject.since and day not in subject.activity.rows

    def _day(self, event: Event) -> Day:
        return local_day(event.time, self._memory.contexts[event.workspaceid].workspace.zone)

    def _open(self, record: Record) -> Taken | DeadLetter:
        try:
            return read(record, self._partition, self._partitions)
        except Poison as poison:
            return DeadLetter(record, poison.reason, poison.detail)

    def apply(self, records: Sequence[Record], rows: Rows | None, keys: Keys | None) -> None:
        """Applies the records that `needs` was asked about."""
        assert self._read_from == records[0].offset, "needs() comes before apply()"
        memory = self._memory
        if rows is not None and keys is not None:
            memory.load(rows.accounts, keys.since)
            memory.load_rows(rows)
            memory.seen.load(rows.ids, keys.id_days)
        for taken in self._read:
            self._take(taken)
        self._read, self._read_from = [], None

    def _take(self, taken: Taken | DeadLetter) -> None:
        memory = self._memory
        memory.advance(taken.record.at)
        memory.seen.advance(taken.record.at.toordinal())
        if isinstance(taken, DeadLetter):
            self.set_aside(taken)
        elif isinstance(taken.message, Heartbeat):
            through = taken.message.data.complete_through
            if self.heard_through is None or through > self.heard_through:
                self.heard_through = through
            self._count(_CONTROL)
        elif isinstance(taken.message, Fact):
            subject = memory.subject(_key(taken.message), taken.record.at)
            if subject.is_new:
                subject.touch("fact")
            self._state(subject, taken.message, taken.message.data.facts, taken.record.at)
            _follow(subject, taken.record)
            self._count(_CONTROL)
        else:
            self._count(self._event(taken.record, taken.message))

    def set_aside(self, letter: DeadLetter) -> None:
        """Keeps a record that can never be applied, with its reason."""
        self._memory.pending.dead_letters.append(letter)
        self._count(_DEAD)

    def _count(self, outcome: int) -> None:
        self._memory.pending.counts[outcome] += 1

    def _event(self, record: Record, event: Event) -> int:
        memory, data = self._memory, event.data
        key = _key(event)
        identity = event_identity(memory.settings.secret, key.workspace, event.sourceid, key.external_id, event.id)
        if not memory.seen.is_new(data.time.dedupe_day.toordinal(), identity):
            return _DUPLICATE
        day, human = self._day(event), is_use(event)
        subject = memory.subject(key, record.at)
        is_new_active = subject.activity.count(
            Occurrence(day, data.action, human, event.sourceid, data.user_id, data.feature, data.quantity or 1)
        )
        memory.contexts.observe(key.workspace, day)
        memory.count_day(key.workspace, day, is_new_active=is_new_active)
        cause = self._cause(event, day)
        self._note(record, event, cause)
        if human or subject.is_new:
            subject.touch(cause)
        if data.facts:
            self._state(subject, event, data.facts, record.at)
        if _follow(subject, record) and cause != "rebuild":
            memory.pending.noted.traced = subject.trace, data.time.received_at
        return _APPLIED

    def _note(self, record: Record, event: Event, cause: Reason) -> None:
        noted = self._memory.pending.noted
        if cause == "rebuild":
            noted.appended.append(record.at)
            return
        noted.received.append(event.data.time.received_at)
        noted.late += cause == "correction"

    def _cause(self, event: Event, day: Day) -> Reason:
        if is_historical(event):
            return "rebuild"
        today = self._memory.today(self._memory.contexts[event.workspaceid].workspace.zone)
        return "correction" if today is not None and day < today else "event"

    def _state(self, subject: Subject, message: Event | Fact, facts: Sequence[FactItem], at: datetime) -> None:
        for item in facts:
            try:
                name, value = (item.name, item.value) if item.entry else understood(item.name, item.value)
            except Invalid:
                # Ingest let a value through that this fact type cannot be: the raw event keeps it, no score uses it.
                continue
            stated = Stated(item.at or message.time, message.id, value)
            if not item.entry and not subject.account.facts.state(name, stated):
                continue
            self._memory.pending.facts.append(
                FactRow(subject.key, subject.id, name, item.entry, stated, at, message.sourceid)
            )
            subject.touch("fact")


def _follow(subject: Subject, record: Record) -> bool:
    """Whether the record's trace is recorded; the account's next message then goes on with it."""
    trace = caused_by(record.headers)
    if trace is None:
        return False
    subject.trace = trace
    return True


def _key(message: Event | Fact) -> AccountKey:
    assert message.subject is not None, "intake refuses events without an account"
    return AccountKey(message.workspaceid, message.subject)
