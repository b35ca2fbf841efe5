"""A person's action on an alert: lock, compare, decide, write, in one transaction.

Source: ALERTS.md 6; ARCHITECTURE.md 3, "A person's action".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from kizashi_alerts.adapters.alerts import Alerts
from kizashi_alerts.adapters.repeats import answered_before, keep_answer
from kizashi_alerts.domain import workflow
from kizashi_alerts.domain.alert import Alert
from kizashi_alerts.domain.settle import Desk, Happened, Move
from kizashi_alerts.metrics import count_settled
from kizashi_common.contracts.alerts import EventType
from kizashi_common.contracts.commands.alerts import Acknowledge, AlertChanged, Resolve
from kizashi_common.contracts.ids import shown
from kizashi_common.db.database import Database, driver_of
from kizashi_common.db.repeats import Once
from kizashi_common.errors import Conflict, StaleVersion


class Wish(NamedTuple):
    """Who wants what changed. `version` is the one that was seen; None when any will do."""

    workspace: str
    actor: str
    alert_id: UUID
    version: int | None
    request_id: str | None = None
    once: Once | None = None


class Answered(NamedTuple):
    """The alert after a command. `is_repeat`: the request was carried out before, and this was its answer."""

    alert: AlertChanged
    is_repeat: bool = False


class Act:
    """Carries out what people decide about alerts."""

    def __init__(self, database: Database, alerts: Alerts, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._alerts = alerts
        self._clock = clock

    async def acknowledge(self, wish: Wish, asked: Acknowledge) -> Answered:
        """The alert in the actor's care. The same person again: the same answer, no event.

        Raises: Absent; Conflict, code already_resolved; StaleVersion.
        """
        at = self._clock()
        return await self._carry_out(
            wish, lambda alert: workflow.acknowledge(alert, wish.actor, asked.note, at), "alert.acknowledged", at
        )

    async def resolve(self, wish: Wish, asked: Resolve) -> Answered:
        """The alert closed.

        Raises: Absent; Conflict, code already_resolved; Invalid, code note_required; StaleVersion.
        """
        at = self._clock()
        return await self._carry_out(
            wish,
            lambda alert: workflow.resolve(alert, wish.actor, asked.feedback, asked.note, at),
            "alert.resolved",
            at,
        )

    async def _carry_out(
        self, wish: Wish, decide: Callable[[Alert], Alert], event: EventType, at: datetime
    ) -> Answered:
        happened: list[Happened] = []
        async with self._database.transaction(wish.workspace) as transaction:
            earlier = await answered_before(transaction, wish.once, at, shown("alr", wish.alert_id))
            if earlier is not None:
                return Answered(AlertChanged.model_validate_json(earlier), is_repeat=True)
            connection = await driver_of(transaction)
            desk, before = await self._locked(connection, wish)
            after = decide(before)
            if after is not before:
                _must_be_seen(wish, before)
                # A further note of the same person is kept, and no news to anybody.
                told = None if workflow.is_in_the_same_care(before, after) else event
                happened = desk.conclude([Move(after, before, told)], at, wish.actor)
                await self._alerts.write(connection, happened, wish.request_id)
            answer = changed(desk.latest.get(before.identity, after))
            await keep_answer(transaction, wish.once, answer.model_dump_json())
        count_settled(happened)
        return Answered(answer)

    async def _locked(self, connection: Any, wish: Wish) -> tuple[Desk, Alert]:
        """The subject's alerts under its lock, and the one that is meant."""
        subject = (wish.workspace, await self._alerts.lock_subject_of(connection, wish.workspace, wish.alert_id))
        desk = (await self._alerts.desks(connection, [subject]))[subject]
        for alert in desk.latest.values():
            if alert.id == wish.alert_id:
                return desk, alert
        raise Conflict("This episode is over for good; look at the latest one.", code="already_resolved")


def _must_be_seen(wish: Wish, alert: Alert) -> None:
    if wish.version is not None and wish.version != alert.version:
        raise StaleVersion(
            "The alert changed in between.",
            current={"version": alert.version, "workflow": alert.workflow, "condition": alert.condition},
        )


def changed(alert: Alert) -> AlertChanged:
    """The alert after a command."""
    return AlertChanged(
        id=shown("alr", alert.id),
        version=alert.version,
        workflow=alert.workflow,
        condition=alert.condition,
        resolution=alert.resolution,
        acknowledged_by=alert.acknowledged_by,
        acknowledged_at=alert.acknowledged_at,
        closed_at=alert.closed_at,
    )
