"""A small world to tell stories in: snapshots and people in, events out, everything in memory.

It stands for bus and database only; engine, conditions, settling and workflow are the real ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from kizashi_alerts.adapters import starter
from kizashi_alerts.domain import documents, workflow
from kizashi_alerts.domain.alert import Alert
from kizashi_alerts.domain.duration import elapsed
from kizashi_alerts.domain.rulebook import Rulebook, compiled
from kizashi_alerts.domain.settle import Desk, Happened, Move
from kizashi_alerts.engine.engine import AlertsEngine, Keys, Rows, SubjectState
from kizashi_alerts.engine.flush import AlertsFlush, Cursor, SubjectKey
from kizashi_alerts.engine.judge import ConditionKey
from kizashi_common.contracts.envelope import Record
from kizashi_common.contracts.ids import account_uuid, shown
from kizashi_common.contracts.partitioning import account_key
from kizashi_common.contracts.scores import Reason, Score, encode
from kizashi_common.contracts.signals import SIGNALS, SignalType
from kizashi_common.expressions.catalogue import Catalogue
from kizashi_common.expressions.cel import Language
from kizashi_common.stream.shapes import Records, Wake, Wakes

START = datetime(2026, 10, 5, tzinfo=UTC)
TYPES: dict[str, SignalType] = {**SIGNALS, "feature.core_lost": "texts"}
LANGUAGE = Language(Catalogue(TYPES))
NEUTRAL = {"account.lifecycle": "live", "account.age_days": 365.0, "score.evidence": "ok"}


def book_of(text: str) -> Rulebook:
    """Rules out of YAML, compiled as version 1."""
    return Rulebook(compiled(documents.rules(text), 1, LANGUAGE, TYPES), LANGUAGE)


def a_score(seq: int, as_of: datetime, signals: dict[str, Any], **other: Any) -> Score:
    """A snapshot with defaults that nobody needs to read."""
    workspace, external_id = other.get("workspace", "demo"), other.get("external_id", "acme")
    values: dict[str, Any] = {
        "workspace": workspace,
        "id": shown("acc", account_uuid(workspace, external_id)),
        "external_id": external_id,
        "seq": seq,
        "as_of": as_of,
        "day": as_of.date(),
        "complete_through": as_of,
        "stale": False,
        "reason": "time",
        "score": 60.0,
        "computed": 60.0,
        "band": "watch",
        "previous_band": None,
        "evidence": "ok",
        "coverage": 0.5,
        "model": "default@1",
        "contributions": [],
        "adjustments": [],
        "biggest_drag": None,
        "pulse": None,
        "points": {"silence": -12.04, "overdue": -3.0, "youth": 2.0, "scale": -1.0},
        "signals": {name: value for name, value in signals.items() if value is not None},
        "name": "Acme KK",
        "owner": "aiko@example.com",
        "arr": "4800000",
        "currency": "JPY",
    }
    return Score(**(values | other))


def a_record(score: Score, offset: int, partition: int = 0) -> Record:
    """The snapshot as it lies in the log."""
    key = account_key(score.workspace, score.external_id).encode()
    return Record("kizashi.scores.v1", partition, offset, score.as_of, key, encode(score))


@dataclass
class World:
    """One partition, its people and its clock."""

    book: Rulebook = field(default_factory=starter.rulebook)
    log: list[Record] = field(default_factory=list)
    happened: list[Happened] = field(default_factory=list)
    cursors: dict[SubjectKey, Cursor] = field(default_factory=dict)
    conditions: dict[SubjectKey, dict[ConditionKey, Any]] = field(default_factory=dict)
    desks: dict[SubjectKey, Desk] = field(default_factory=dict)
    signals: dict[str, Any] = field(default_factory=lambda: dict(NEUTRAL))
    now: datetime = START
    bands: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    counts: Any = None
    _ids: int = 0
    _seen: int = 0

    def __post_init__(self) -> None:
        self.playbooks = starter.playbooks(starter.rulebook())
        self.engine = AlertsEngine(self.book, 0, 0, 1)

    # -- telling

    def at(self, when: str, *, reason: Reason = "time", **other: Any) -> World:
        """A snapshot at this time after the start; signals go on from the last one, `None` takes one away.

        Signal names are written with two underscores for the dot.
        """
        told = {name.replace("__", "."): value for name, value in other.items() if "__" in name}
        self.signals |= told
        self.now = START + _span(when)
        plain = {name: value for name, value in other.items() if "__" not in name}
        score = a_score(len(self.log) + 1, self.now, self.signals, reason=reason, **plain)
        self.log.append(a_record(score, len(self.log)))
        self.feed(self.log[-1:])
        return self

    def feed(self, records: Sequence[Record]) -> None:
        """Records to the engine, and its flush to the rows, as the runner and the store would do it."""
        step = Records([record._replace(offset=self.engine.position + i) for i, record in enumerate(records)])
        keys = self.engine.needs(step)
        self.engine.apply(step, self._rows(keys) if keys is not None else None)
        self._write(self.engine.drain(self.now))

    def wake(self, subject: SubjectKey, past: Any) -> World:
        """A past that was imported, to the engine."""
        step = Wakes([Wake(1, *subject, "imported_past")])
        keys = self.engine.needs(step)
        assert keys is not None
        self.engine.apply(step, Rows(self._rows(keys).subjects, {1: past}))
        self._write(self.engine.drain(self.now))
        return self

    def restart(self) -> World:
        """The process ends and another one begins with what was committed."""
        self.engine = AlertsEngine(self.book, self.engine.position, 0, 1)
        return self

    def change_book(self, book: Rulebook) -> World:
        """The process begins again with other rules."""
        self.book = book
        for desk in self.desks.values():
            desk.book = book
        return self.restart()

    def _rows(self, keys: Keys) -> Rows:
        return Rows(
            {
                key: SubjectState(self.cursors.get(key, Cursor()), dict(self.conditions.get(key, {})))
                for key in keys.subjects
            },
            {},
        )

    def _write(self, flush: AlertsFlush) -> None:
        self.cursors |= flush.cursors
        for (subject, key), condition in flush.conditions.items():
            rows = self.conditions.setdefault(subject, {})
            rows.pop(key, None)
            if condition is not None:
                rows[key] = condition
        for subject in sorted(flush.news):
            for news in flush.news[subject]:
                self.happened.extend(self.desk(subject).settle(news.found, news.snapshot))
                if news.band_changed:
                    self.bands.append(str(news.snapshot.score.band))
        self.dead.extend(letter.code for letter in flush.dead_letters)
        self.counts = flush.counts

    def desk(self, subject: SubjectKey) -> Desk:
        """The alerts of a subject."""
        return self.desks.setdefault(subject, Desk(self.book, self.playbooks, self._new_id))

    def _new_id(self) -> UUID:
        self._ids += 1
        return UUID(int=self._ids)

    # -- people

    def acknowledge(self, when: str, key: str, actor: str = "mem_aiko") -> World:
        """A person takes an alert into care."""
        self.now = START + _span(when)
        alert = self.alert(key)
        after = workflow.acknowledge(alert, actor, None, self.now)
        if after is not alert:
            self._conclude(Move(after, alert, "alert.acknowledged"), actor)
        return self

    def resolve(self, when: str, key: str, feedback: str = "useful", note: str | None = "done") -> World:
        """A person closes an alert."""
        self.now = START + _span(when)
        alert = self.alert(key)
        self._conclude(
            Move(workflow.resolve(alert, "mem_aiko", feedback, note, self.now), alert, "alert.resolved"), "mem_aiko"
        )
        return self

    def _conclude(self, move: Move, actor: str) -> None:
        subject = (move.after.identity.workspace, move.after.identity.subject)
        self.happened.extend(self.desk(subject).conclude([move], self.now, actor))

    # -- looking

    def alerts(self) -> list[Alert]:
        """The latest episode of every identity."""
        return [alert for desk in self.desks.values() for alert in desk.latest.values()]

    def alert(self, key: str, scope: str = "") -> Alert:
        """The latest episode of a rule."""
        return next(a for a in self.alerts() if (a.identity.rule_key, a.identity.scope) == (key, scope))

    def state(self, key: str, scope: str = "") -> str:
        """Where a condition stands."""
        found = [rows[(key, scope)].state for rows in self.conditions.values() if (key, scope) in rows]
        return found[0] if found else "inactive"

    def expect(self, *events: str) -> World:
        """Exactly these events since the last look, in order, and nothing else.

        Shape: `opened risk.silence`; with `(reason)` where nobody is told, `(reason!)` where the reason matters.
        """
        new, self._seen = self.happened[self._seen :], len(self.happened)
        found = [_written(one, events) for one in new if one.event is not None]
        assert sorted(found) == sorted(events), f"{found} instead of {list(events)}"
        return self

    def expect_nothing(self) -> World:
        """No event since the last look."""
        return self.expect()


def _written(one: Happened, events: tuple[str, ...]) -> str:
    assert one.event is not None
    assert one.notify is not None
    plain = f"{one.event.removeprefix('alert.')} {one.alert.identity.rule_key}"
    if one.alert.identity.scope:
        plain += f"[{one.alert.identity.scope}]"
    if one.notify.decision == "hold" and one.notify.reason != "not_news":
        return f"{plain} ({one.notify.reason})"
    told = f"{plain} ({one.notify.reason}!)"
    return told if told in events else plain


def _span(when: str) -> timedelta:
    return sum((elapsed(part) for part in when.split()), timedelta(0))
