"""The person's axis: open → acknowledged → in progress → resolved.

A person changes the workflow and what goes with it, never condition, severity or evidence; and what is resolved stays
resolved, whatever arrives late.

Source: ALERTS.md 6.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from kizashi_alerts.domain.alert import Alert
from kizashi_common.errors import Conflict, Invalid


def acknowledge(alert: Alert, actor: str, note: str | None, at: datetime) -> Alert:
    """The alert in somebody's care; the very same alert when that person has it already and says nothing new.

    Raises: Conflict, code already_resolved, for a closed one.
    """
    _must_be_open(alert)
    if alert.workflow == "acknowledged" and alert.acknowledged_by == actor:
        return alert if note is None or note == alert.note else replace(alert, note=note)
    return replace(
        alert,
        workflow="in_progress" if alert.workflow == "in_progress" else "acknowledged",
        acknowledged_by=actor,
        acknowledged_at=at,
        note=note if note is not None else alert.note,
    )


def is_in_the_same_care(before: Alert, after: Alert) -> bool:
    """Whether workflow and person are what they were."""
    return (before.workflow, before.acknowledged_by) == (after.workflow, after.acknowledged_by)


def resolve(alert: Alert, actor: str, feedback: str, note: str | None, at: datetime) -> Alert:
    """The alert closed by a person.

    Raises: Conflict, code already_resolved, for a closed one; Invalid when a critical one is closed without a note.
    """
    _must_be_open(alert)
    kept = note if note is not None else alert.note
    if alert.severity == "critical" and not kept:
        raise Invalid("A critical alert is closed with a note.", code="note_required")
    return replace(
        alert,
        workflow="resolved",
        resolution="person",
        feedback=feedback,
        note=kept,
        closed_by=actor,
        closed_at=at,
    )


def _must_be_open(alert: Alert) -> None:
    if not alert.open:
        raise Conflict("This alert is resolved; a late wish does not reopen it.", code="already_resolved")
