"""What becomes of the alerts of one subject: one law for the engine and for people, on the latest state of both.

Called under the lock of the subject's cursor row, inside a flush as inside a command. It takes what moved, works out
who covers whom now, decides what is told, and gives back every changed alert with the event that goes out.

Source: ALERTS.md 6 and 7; decision 17.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from kizashi_alerts.domain.alert import Alert, HeldBy, Identity, Scored, Shown, Subject
from kizashi_alerts.domain.condition import How, State
from kizashi_alerts.domain.notify import NEWS, cover_of, decide, rank
from kizashi_alerts.domain.playbook import Playbook
from kizashi_alerts.domain.rulebook import Compiled, Rulebook
from kizashi_common.contracts.alerts import EventType, Notify, Severity
from kizashi_common.contracts.scores import SignalValue

SYSTEM: Final = "system"
_LONGER: Final = {"wrong": timedelta(days=60), "bad_timing": timedelta(days=30)}


class Found(NamedTuple):
    """What the engine found about one identity whose condition stands."""

    rule: Compiled
    scope: str
    state: State
    severity: Severity
    evidence: Mapping[str, SignalValue]
    data_stale: bool


class Ended(NamedTuple):
    """An identity whose condition has just ended, and how; its rule may have left the book."""

    rule_key: str
    scope: str
    how: How


class Snapshot(NamedTuple):
    """The snapshot behind what was found. `at` is when it is told; `held_by` when nobody shall be told.

    `due_at` is since when telling it is due: the time of the score. None where it is `at` itself. `trace` is the
    recorded trace of that score.
    """

    workspace: str
    about: Subject
    score: Scored
    as_of: datetime
    complete_through: datetime | None
    at: datetime
    held_by: HeldBy | None = None
    due_at: datetime | None = None
    trace: str | None = None


class Happened(NamedTuple):
    """A changed alert. `event` is None for what is stored silently; `due_at` is None where telling is due at `at`;
    `trace` is the recorded trace that caused it."""

    alert: Alert
    before: Alert | None
    event: EventType | None
    notify: Notify | None
    actor: str
    at: datetime
    due_at: datetime | None = None
    trace: str | None = None


class Move(NamedTuple):
    """An alert that changes: `before` is None for a new episode."""

    after: Alert
    before: Alert | None
    event: EventType | None


@dataclass(slots=True)
class Desk:
    """The alerts of one subject while they are decided about: the latest episode of every identity, locked.

    `new_id` gives ids to new episodes.
    """

    book: Rulebook
    playbooks: Mapping[str, Playbook]
    new_id: Callable[[], UUID]
    latest: dict[Identity, Alert] = field(default_factory=dict)

    def put(self, alert: Alert) -> None:
        """Makes this the latest episode of its identity."""
        self.latest[alert.identity] = alert

    def settle(self, found: Iterable[Found | Ended], snapshot: Snapshot) -> list[Happened]:
        """What the engine's findings make of the alerts."""
        moves = [move for one in found if (move := self._move(one, snapshot)) is not None]
        return [one._replace(due_at=snapshot.due_at, trace=snapshot.trace) for one in self.conclude(moves, snapshot.at)]

    def _move(self, found: Found | Ended, snapshot: Snapshot) -> Move | None:
        key = found.rule_key if isinstance(found, Ended) else found.rule.key
        identity = Identity(snapshot.workspace, snapshot.about.key, key, found.scope)
        latest = self.latest.get(identity)
        if isinstance(found, Ended):
            return _cleared(latest, found, snapshot) if latest is not None and latest.open else None
        if latest is not None and latest.open:
            return _stands(latest, found, snapshot)
        if found.state != "active":
            return None
        if latest is None:
            return Move(self._opened(identity, found, snapshot, 1), None, "alert.opened")
        if snapshot.held_by is not None:
            return None
        return self._again(latest, found, snapshot)

    def _again(self, latest: Alert, found: Found, snapshot: Snapshot) -> Move | None:
        """A closed episode whose condition is active: within cool-down it is the same trouble still."""
        assert latest.closed_at is not None
        rule = found.rule.rule
        cool_down = max(rule.cool_down, _LONGER.get(latest.feedback or "", rule.cool_down))
        over = snapshot.as_of - latest.closed_at >= cool_down
        worse = rank(found.severity) > rank(latest.peak_severity)
        if latest.resolution != "person" and not over:
            return _reopened(latest, found, snapshot)
        if over or worse:
            return Move(self._opened(latest.identity, found, snapshot, latest.episode + 1), None, "alert.opened")
        return None

    def _opened(self, identity: Identity, found: Found, snapshot: Snapshot, episode: int) -> Alert:
        rule = found.rule.rule
        playbook = self.playbooks.get(rule.playbook or "")
        return Alert(
            id=self.new_id(),
            identity=identity,
            rule_version=found.rule.version,
            kind=rule.alert_kind,
            episode=episode,
            reopen_count=0,
            about=snapshot.about,
            title=rule.title.model_dump(),
            clears_when=found.rule.clears_when,
            playbook=rule.playbook,
            recommended_actions=tuple(words.model_dump() for words in playbook.recommended) if playbook else (),
            condition="active",
            severity=found.severity,
            peak_severity=found.severity,
            cleared_at=None,
            evidence=found.evidence,
            score=snapshot.score,
            as_of=snapshot.as_of,
            complete_through=snapshot.complete_through,
            data_stale=found.data_stale,
            covered_by=None,
            notified_at=None,
            held_by=snapshot.held_by,
            workflow="open",
            owner=snapshot.about.owner,
            acknowledged_by=None,
            acknowledged_at=None,
            resolution=None,
            feedback=None,
            note=None,
            closed_by=None,
            version=0,
            opened_at=snapshot.at,
            closed_at=None,
        )

    def conclude(self, moves: Sequence[Move], at: datetime, actor: str = SYSTEM) -> list[Happened]:
        """Covers, what is told, versions; and the children that are told because their cover ended.

        Every change raises the version by one, whether or not an event goes out.
        """
        before = dict(self.latest)
        events = {move.after.identity: move for move in moves}
        for move in moves:
            self.put(move.after)
        for alert in list(self.latest.values()):
            covered_by = cover_of(alert, self.latest.values(), self.book)
            if covered_by != alert.covered_by:
                self.put(replace(alert, covered_by=covered_by))
        happened: list[Happened] = []
        for identity, alert in list(self.latest.items()):
            old = before.get(identity)
            if identity in events and events[identity].before is None:
                old = None
            one = _happened(old, alert, events.get(identity), at, actor)
            if one is not None:
                self.put(one.alert)
                happened.append(one)
        return happened


def _stands(alert: Alert, found: Found, snapshot: Snapshot) -> Move | None:
    """The open episode goes on: worse is news, a return after clearing too, the rest is stored silently."""
    shown: Shown = "recovering" if found.state == "recovering" else "active"
    back = alert.condition == "cleared" and shown == "active"
    if alert.condition == "cleared" and not back:
        return None
    worse = rank(found.severity) > rank(alert.peak_severity)
    after = replace(
        alert,
        condition=shown,
        severity=found.severity,
        peak_severity=found.severity if worse else alert.peak_severity,
        data_stale=found.data_stale,
        cleared_at=None,
    )
    if worse or back:
        return Move(_fresh(after, found, snapshot), alert, "alert.severity_raised" if worse else "alert.reopened")
    return Move(after, alert, None) if after != alert else None


def _reopened(alert: Alert, found: Found, snapshot: Snapshot) -> Move:
    worse = rank(found.severity) > rank(alert.peak_severity)
    after = replace(
        alert,
        reopen_count=alert.reopen_count + 1,
        condition="active",
        severity=found.severity,
        peak_severity=found.severity if worse else alert.peak_severity,
        data_stale=found.data_stale,
        cleared_at=None,
        workflow="open",
        resolution=None,
        closed_by=None,
        closed_at=None,
        held_by=None,
    )
    return Move(_fresh(after, found, snapshot), alert, "alert.reopened")


def _fresh(alert: Alert, found: Found, snapshot: Snapshot) -> Alert:
    """With the why of this snapshot."""
    return replace(
        alert,
        rule_version=found.rule.version,
        clears_when=found.rule.clears_when,
        evidence=found.evidence,
        score=snapshot.score,
        as_of=snapshot.as_of,
        complete_through=snapshot.complete_through,
    )


def _cleared(alert: Alert, found: Ended, snapshot: Snapshot) -> Move | None:
    """Over: resolved by the system if nobody ever took it into care, else marked, and the person closes it."""
    if alert.condition == "cleared":
        return None
    after = replace(alert, condition="cleared", cleared_at=snapshot.at, data_stale=False)
    if alert.acknowledged_at is not None or alert.workflow != "open":
        return Move(after, alert, "alert.condition_cleared")
    closed = replace(
        after, workflow="resolved", resolution=found.how, closed_by=SYSTEM, closed_at=snapshot.at, covered_by=None
    )
    return Move(closed, alert, "alert.resolved")


def _happened(old: Alert | None, alert: Alert, move: Move | None, at: datetime, actor: str) -> Happened | None:
    event = move.event if move is not None else None
    by = actor if event is not None else SYSTEM
    uncovered = event is None and _is_untold(alert)
    if uncovered:
        # The opening that was held is told now: the same type again, with a higher version and its own reason.
        event = "alert.opened"
    if event is None:
        if alert == old:
            return None
        return Happened(_next(alert, old), old, None, None, by, at)
    # What ends is told to whoever was told that it began, so its cover of before counts for it.
    judged = replace(alert, covered_by=old.covered_by) if old is not None and not alert.standing else alert
    notify = decide(judged, event, uncovered=uncovered)
    told = _told(alert, event, notify, at)
    return Happened(_next(told, old), old, event, notify, by, at)


def _is_untold(alert: Alert) -> bool:
    waiting = alert.standing and alert.workflow == "open" and alert.notified_at is None
    return waiting and alert.covered_by is None and alert.held_by is None


def _told(alert: Alert, event: EventType, notify: Notify, at: datetime) -> Alert:
    if event not in NEWS:
        return alert
    if notify.decision == "send":
        return replace(alert, notified_at=at, held_by=None)
    return replace(alert, notified_at=None)


def _next(alert: Alert, old: Alert | None) -> Alert:
    return replace(alert, version=old.version + 1 if old is not None else 1)
