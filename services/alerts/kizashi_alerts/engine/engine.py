"""The conditions of one partition in memory: snapshots in, moved conditions and news out.

Pure: it knows no human state. What becomes of an alert is decided in the flush, under the locks of its subject.

Source: ALERTS.md 1 and 5; decision 17.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from kizashi_alerts.domain.alert import scored, subject_key, subject_of
from kizashi_alerts.domain.condition import Condition
from kizashi_alerts.domain.rulebook import Rulebook
from kizashi_alerts.domain.settle import Ended, Snapshot
from kizashi_alerts.engine.flush import AlertsFlush, Cursor, News, SubjectKey, findings
from kizashi_alerts.engine.judge import ConditionKey, Judged, Tally, judge
from kizashi_alerts.engine.past import Past
from kizashi_common.contracts.envelope import Record, caused_by
from kizashi_common.contracts.ids import parsed
from kizashi_common.contracts.partitioning import account_key, partition_of
from kizashi_common.contracts.scores import Score, decode
from kizashi_common.errors import Invalid
from kizashi_common.stream.shapes import DeadLetter, Records, SetAside, Step, Wakes

NO_NEWS: Final = frozenset(("model_change", "rebuild"))
"""Reasons under which nothing moves: a new model is not news, and neither is a rebuild."""

_UNTOLD: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class SubjectState:
    """What is remembered of one subject."""

    cursor: Cursor = field(default_factory=Cursor)
    conditions: dict[ConditionKey, Condition] = field(default_factory=dict)


class Keys(NamedTuple):
    """What a step reads and memory lacks."""

    subjects: tuple[SubjectKey, ...]
    wakes: tuple[int, ...]


class Rows(NamedTuple):
    """What was found for the keys; a subject that is absent here has no rows."""

    subjects: Mapping[SubjectKey, SubjectState]
    pasts: Mapping[int, Past]


class _Read(NamedTuple):
    record: Record
    score: Score
    subject: SubjectKey
    account_id: UUID | None


class AlertsEngine:
    """Implements `stream.shapes.Engine`. `partition` of `partitions` is where its records belong.

    `ticks` is a stopwatch in seconds; without one judging is not timed.
    """

    heard_through: datetime | None = None

    def __init__(
        self, book: Rulebook, position: int, partition: int, partitions: int, ticks: Callable[[], float] | None = None
    ) -> None:
        self.position = position
        self._book = book
        self._partition = partition
        self._partitions = partitions
        self._ticks = ticks
        self._subjects: dict[SubjectKey, SubjectState] = {}
        self._flush = AlertsFlush()
        self._decoded: tuple[Records | None, list[_Read], list[DeadLetter]] = (None, [], [])

    @property
    def waiting_rows(self) -> int:
        """Cursors, conditions and news together."""
        return len(self._flush.cursors) + len(self._flush.conditions) + sum(map(len, self._flush.news.values()))

    def needs(self, step: Step) -> Keys | None:
        """Subjects that are not in memory, and the bodies of wakes."""
        if isinstance(step, Records):
            subjects = {read.subject for read in self._read(step)[0]} - self._subjects.keys()
            return Keys(tuple(sorted(subjects)), ()) if subjects else None
        if isinstance(step, Wakes):
            asked = {(wake.workspace, wake.subject) for wake in step.wakes} - self._subjects.keys()
            return Keys(tuple(sorted(asked)), tuple(wake.id for wake in step.wakes))
        return None

    def apply(self, step: Step, rows: Rows | None) -> None:
        """Judges snapshots, adopts pasts; time alone changes nothing here, since health tells each day over."""
        if rows is not None:
            self._subjects.update(rows.subjects)
        if isinstance(step, Records):
            self._apply_records(step)
        elif isinstance(step, SetAside):
            counts = self._flush.counts
            self._flush.counts = counts._replace(dead_lettered=counts.dead_lettered + 1)
            self._flush.dead_letters.append(step.letter)
            self.position = step.letter.record.offset + 1
        elif isinstance(step, Wakes):
            for wake in step.wakes:
                past = rows.pasts.get(wake.id) if rows is not None else None
                if past is not None:
                    self._adopt((wake.workspace, wake.subject), past)
                self._flush.wakes_done.append(wake.id)

    def catch_up(self, most: int) -> int:
        """Nothing waits: every snapshot is judged as it comes."""
        return 0

    def drain(self, at: datetime) -> AlertsFlush:
        """What changed, told at `at`."""
        flush, self._flush = self._flush, AlertsFlush()
        flush.at = at
        for told in flush.news.values():
            told[:] = [one._replace(snapshot=_told_at(one.snapshot, at)) for one in told]
        return flush

    def _apply_records(self, step: Records) -> None:
        read, dead = self._read(step)
        self._decoded = (None, [], [])
        applied = sum([self._apply_one(one) for one in read])
        duplicates = len(read) - applied
        counts = self._flush.counts
        self._flush.counts = counts._replace(
            applied=counts.applied + applied,
            duplicates=counts.duplicates + duplicates,
            dead_lettered=counts.dead_lettered + len(dead),
        )
        self._flush.dead_letters.extend(dead)
        self.position = step.records[-1].offset + 1 if step.records else self.position

    def _apply_one(self, read: _Read) -> bool:
        state = self._subjects.setdefault(read.subject, SubjectState())
        score, before = read.score, state.cursor
        if score.seq <= before.seq:
            return False
        if before.as_of is not None and score.as_of < before.as_of:
            # The sweep of a midnight comes after a score of that morning: what is known already is newer.
            state.cursor = self._flush.cursors[read.subject] = replace(before, seq=score.seq)
            return True
        is_news = score.reason not in NO_NEWS
        moved_at = score.as_of if is_news and score.score is not None else before.moved_at
        state.cursor = Cursor(score.seq, score.as_of, score.band or before.band, score.score, moved_at)
        self._flush.cursors[read.subject] = state.cursor
        if not is_news:
            return True
        judged = self._judged(score, state)
        for one in judged:
            self._remember(read.subject, state, one.key, one.after)
        band_changed = None not in (before.band, score.band) and score.band != before.band
        found = (*findings(judged), *self._without_rule(read.subject, state))
        if found or band_changed:
            snapshot = _snapshot(score, read.account_id, due_at=read.record.at)
            snapshot = snapshot._replace(trace=caused_by(read.record.headers))
            self._flush.news.setdefault(read.subject, []).append(News(snapshot, found, band_changed, score.seq))
        return True

    def _judged(self, score: Score, state: SubjectState) -> list[Judged]:
        tally = self._flush.tally
        if self._ticks is None:
            return judge(self._book, score, state.conditions, tally)
        began = self._ticks()
        judged = judge(self._book, score, state.conditions, tally)
        tally.seconds.append(self._ticks() - began)
        return judged

    def _remember(self, subject: SubjectKey, state: SubjectState, key: ConditionKey, after: Condition | None) -> None:
        if after is None:
            state.conditions.pop(key, None)
        else:
            state.conditions[key] = after
        self._flush.conditions[(subject, key)] = after

    def _without_rule(self, subject: SubjectKey, state: SubjectState) -> list[Ended]:
        """Conditions whose rule has left the book: nobody will ever judge them, so they are over."""
        left = [key for key in state.conditions if self._book.get(key[0]) is None]
        for key in left:
            self._remember(subject, state, key, None)
        return [Ended(*key, "scope") for key in left]

    def _adopt(self, subject: SubjectKey, past: Past) -> None:
        """Takes over what the past left, except where live snapshots have already found as much.

        A past whose end is older than what live snapshots have moved says nothing that is not known better.
        """
        state = self._subjects.setdefault(subject, SubjectState())
        if state.cursor.moved_at is not None and past.last.as_of < state.cursor.moved_at:
            return
        self._flush.cursors[subject] = state.cursor
        for one in past.conditions:
            key, rule = (one.rule_key, one.scope), self._book.get(one.rule_key)
            mine, theirs = state.conditions.get(key), one.condition()
            if rule is None or rule.logic != theirs.logic or not _is_further(theirs, mine):
                continue
            state.conditions[key] = theirs
            self._flush.conditions[(subject, key)] = theirs
        standing = [one for one in past.conditions if one.state == "active" and one.opened_at is not None]
        for opened_at in sorted({one.opened_at for one in standing if one.opened_at is not None}):
            keys = {(one.rule_key, one.scope) for one in standing if one.opened_at == opened_at}
            adopted = [
                one for one in judge(self._book, past.last, state.conditions, Tally()) if one.key in keys and one.after
            ]
            # What opened long ago is told now, and is due now.
            snapshot = _snapshot(past.last, _account_id(past.last), due_at=_UNTOLD)
            snapshot = snapshot._replace(at=opened_at, held_by="batch")
            self._flush.news.setdefault(subject, []).append(News(snapshot, findings(adopted), False, 0))

    def _read(self, step: Records) -> tuple[list[_Read], list[DeadLetter]]:
        """The records as snapshots, decoded once for `needs` and `apply`."""
        if self._decoded[0] is not step:
            read: list[_Read] = []
            dead: list[DeadLetter] = []
            for record in step.records:
                one = self._one(record)
                if isinstance(one, _Read):
                    read.append(one)
                else:
                    dead.append(one)
            self._decoded = (step, read, dead)
        return self._decoded[1], self._decoded[2]

    def _one(self, record: Record) -> _Read | DeadLetter:
        try:
            score = decode(record.value)
            account_id = _account_id(score)
        except msgspec.ValidationError as error:
            return DeadLetter(record, "schema", str(error)[:200])
        except (msgspec.DecodeError, Invalid) as error:
            return DeadLetter(record, "decode", str(error)[:200])
        if score.as_of.tzinfo is None:
            return DeadLetter(record, "schema", "as_of has no zone")
        if record.key is None or partition_of(record.key, self._partitions) != self._partition:
            return DeadLetter(record, "wrong_partition", "the key belongs to another partition")
        if score.subject == "account" and record.key != account_key(score.workspace, score.external_id).encode():
            return DeadLetter(record, "schema", "the key is not that of the account")
        return _Read(record, score, (score.workspace, subject_key(score)), account_id)


def _account_id(score: Score) -> UUID | None:
    return parsed("acc", score.id) if score.subject == "account" else None


def _snapshot(score: Score, account_id: UUID | None, due_at: datetime) -> Snapshot:
    return Snapshot(
        workspace=score.workspace,
        about=subject_of(score, account_id),
        score=scored(score),
        as_of=score.as_of,
        complete_through=score.complete_through,
        at=_UNTOLD,
        due_at=due_at,
    )


def _told_at(snapshot: Snapshot, at: datetime) -> Snapshot:
    told = at if snapshot.at is _UNTOLD else snapshot.at
    return snapshot._replace(at=told, due_at=at if snapshot.due_at is _UNTOLD else snapshot.due_at)


def _is_further(theirs: Condition, mine: Condition | None) -> bool:
    """Whether the past got further than what is in memory; what stands already keeps its state."""
    if mine is None:
        return True
    return not mine.stands and (theirs.stands or theirs.held > mine.held)
