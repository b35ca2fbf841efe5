"""Who covers whom, and whether a person is told now, or the named reason why not.

Suppression acts on telling, never on judging: a covered alert exists and is shown, and is told when what covers it
ends while it still stands. `notified_at` is empty while there is news that nobody was told, so nothing is lost.

Source: ALERTS.md 7.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from kizashi_alerts.domain.alert import Alert
from kizashi_alerts.domain.rulebook import Rulebook
from kizashi_common.contracts.alerts import SEVERITIES, EventType, Notify, Severity

NEWS: frozenset[EventType] = frozenset(("alert.opened", "alert.reopened", "alert.severity_raised"))
"""Events that begin something to tell; an alert that was covered through one of them still has to be told."""

_REASONS: dict[EventType, str] = {
    "alert.opened": "opened",
    "alert.reopened": "reopened",
    "alert.severity_raised": "severity_raised",
    "alert.condition_cleared": "cleared",
    "alert.resolved": "resolved",
}


def rank(severity: Severity) -> int:
    """How severe, as a number that rises."""
    return SEVERITIES.index(severity)


def cover_of(child: Alert, alerts: Iterable[Alert], book: Rulebook) -> UUID | None:
    """The alert that covers the child: the same whoever asks, the most severe and then the oldest.

    Only what stands and is not held covers, and nothing less severe than the child: a child that rises above its
    cover is news of its own.
    """
    if not child.standing:
        return None
    least = {edge.parent: rank(edge.least) for edge in book.parents(child.identity.rule_key)}
    able = [
        alert
        for alert in alerts
        if alert.standing
        and alert.held_by is None
        and alert.id != child.id
        and rank(alert.severity) >= max(least.get(alert.identity.rule_key, len(SEVERITIES)), rank(child.severity))
    ]
    able.sort(key=lambda alert: (-rank(alert.severity), alert.opened_at, alert.id))
    return able[0].id if able else None


def decide(alert: Alert, event: EventType, *, uncovered: bool = False) -> Notify:
    """Whether this is told to a person, and why. Machines get every event with this beside it."""
    if event not in _REASONS:
        return Notify("hold", "not_news")
    if alert.held_by is not None and event != "alert.severity_raised":
        return Notify("hold", alert.held_by)
    if alert.covered_by is not None:
        return Notify("hold", "covered")
    if event not in NEWS and alert.notified_at is None:
        return Notify("hold", "never_told")
    return Notify("send", "uncovered" if uncovered else _REASONS[event])
