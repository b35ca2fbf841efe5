"""The engine of one partition of `kizashi.events.v1`: memory and decisions, no clock, no I/O.

Source: HEALTH.md 1.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

from kizashi_common.stream.shapes import Claim, Counts, Records, SetAside, Step, Through, Wakes
from kizashi_health.engine.counting import Counting
from kizashi_health.engine.flush import AccountRow, Flush
from kizashi_health.engine.memory import Memory, Pending
from kizashi_health.engine.rows import Keys, Rows
from kizashi_health.engine.scoring import Scoring
from kizashi_health.engine.snapshot import card_row
from kizashi_health.engine.subject import Subject
from kizashi_health.engine.walks import Walks

Held = Literal["lag", "heartbeat"]


class Size(NamedTuple):
    """How much one engine holds: accounts, their users, message ids of hot days and of others."""

    accounts: int
    users: int
    hot_ids: int
    cold_ids: int


class HealthEngine:
    """`stream.Engine` of health."""

    def __init__(self, claim: Claim, memory: Memory) -> None:
        self.position = claim.next_offset
        self._memory = memory
        self._counting = Counting(memory, claim)
        self._walks = Walks(memory)
        self._scoring = Scoring(memory, self._walks)
        self._asked: Keys | None = None
        memory.through = claim.complete_through
        if claim.complete_through is not None:
            memory.advance(claim.complete_through)

    @property
    def heard_through(self) -> datetime | None:
        """What the latest heartbeat applied says."""
        return self._counting.heard_through

    @property
    def waiting_rows(self) -> int:
        """About how many rows the next flush would write."""
        pending = self._memory.pending
        return sum(pending.counts) + len(pending.messages) + len(pending.scores)

    def needs(self, step: Step) -> Keys | None:
        """The rows that the step reads and memory lacks."""
        if isinstance(step, Records):
            self._asked = self._counting.needs(step.records)
        elif isinstance(step, Wakes):
            self._asked = self._walks.needs(step.wakes)
        else:
            self._asked = None
        return self._asked

    def apply(self, step: Step, rows: Rows | None) -> None:
        """Takes the step."""
        if isinstance(step, Records):
            self._counting.apply(step.records, rows, self._asked)
            self.position = step.records[-1].offset + 1
        elif isinstance(step, Wakes):
            self._walks.take(step.wakes, rows, self._asked)
        elif isinstance(step, SetAside):
            self._counting.set_aside(step.letter)
            self.position = step.letter.record.offset + 1
        else:
            self._prove(step)

    def _prove(self, step: Through) -> None:
        if self._memory.through is None:
            self._memory.touch_stale()
        self._memory.through = step.instant
        self._memory.advance(step.instant)

    def held(self, now: datetime) -> Held | None:
        """What lacks until the day that `now` lies in can begin here; None when it could, or nobody waits for it."""
        heard, through = self.heard_through, self._memory.through
        begun = self._memory.contexts.midnights(now)
        if not begun or (through is not None and through >= begun[-1]):
            return None
        return "heartbeat" if heard is None or heard < begun[-1] else "lag"

    @property
    def size(self) -> Size:
        """What is in memory now."""
        subjects, seen = self._memory.subjects, self._memory.seen
        hot = seen.hot
        return Size(len(subjects), sum(s.activity.next_user for s in subjects.values()), hot, seen.held - hot)

    def catch_up(self, most: int) -> int:
        """Scores at most so many accounts; returns how many wait."""
        return self._scoring.catch_up(most)

    def drain(self, at: datetime) -> Flush:
        """All that changed since the last drain."""
        memory, pending = self._memory, self._memory.pending
        memory.pending = Pending()
        pending.noted.sweeping = self._walks.sweeps
        self._walks.forget(pending.wakes_done)
        flush = Flush(
            counts=Counts(*pending.counts),
            dead_letters=pending.dead_letters,
            messages=pending.messages,
            wakes_done=pending.wakes_done,
            facts=pending.facts,
            scores=pending.scores,
            ids=memory.seen.drain(),
            at=at,
            noted=pending.noted,
        )
        for workspace, day in sorted(pending.days):
            total = memory.totals[workspace, day]
            flush.slot_days.append((workspace, day, total.active_accounts, total.events))
        for key in memory.dirty:
            self._drain_subject(memory.subjects[key], flush, at)
        memory.dirty.clear()
        memory.seen.evict()
        if not self._walks.boundaries:
            memory.evict()
        return flush

    def _drain_subject(self, subject: Subject, flush: Flush, at: datetime) -> None:
        dirty = subject.activity.take_dirty()
        flush.days.extend((subject.key, subject.id, day, subject.activity.rows[day]) for day in sorted(dirty.days))
        flush.users.extend((subject.key, subject.id, user) for _, user in sorted(dirty.users.items()))
        for feature in sorted(dirty.features):
            flush.features.append((subject.key, subject.id, feature, subject.activity.features[feature]))
        if subject.cause is None:
            subject.stale_since = None
        elif subject.stale_since is None:
            subject.stale_since = at
        waits = subject.stale_since is not None, subject.unsent
        if subject.is_new or dirty.account or waits != subject.waits_written:
            flush.accounts.append(_account_row(subject))
            subject.is_new, subject.waits_written = False, waits
        if subject.is_published_dirty:
            flush.published.append((subject.key, subject.id, subject.published))
            subject.is_published_dirty = False
        if subject.is_card_dirty and subject.evaluation is not None:
            workspace = self._memory.contexts[subject.key.workspace].workspace
            stamp = self._scoring.stamp(subject, subject.evaluation, "event", seq=subject.published.seq)
            flush.cards.append(card_row(subject, workspace, subject.evaluation, stamp))
            subject.is_card_dirty = False
        since = self._memory.rows_since()
        if subject.since < since and subject.activity.rows:
            subject.activity.forget_rows(since)
            subject.since = since


def _account_row(subject: Subject) -> AccountRow:
    activity = subject.activity
    return AccountRow(
        key=subject.key,
        id=subject.id,
        named_day=subject.account.named_day,
        bits_from=activity.days.first,
        active_bits=activity.days.to_bytes(),
        next_user=activity.next_user,
        last_login_day=activity.last_login_day,
        stale_since=subject.stale_since,
        unsent=subject.unsent,
    )
