"""Alerts as people see them, newest first.

Source: ALERTS.md 6 and 13; GATEWAY.md 3.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, or_, select

from kizashi_common.db.database import Database
from kizashi_common.db.views import ALERT, ALERT_EVENT
from kizashi_common.errors import Absent

_alert = ALERT.clause.c
_event = ALERT_EVENT.clause.c


@dataclass(frozen=True)
class Filters:
    """Which alerts. Empty means all of a kind."""

    states: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    account_id: UUID | None = None


@dataclass(frozen=True)
class Alert:
    """One episode of an alert. `title` and `recommended_actions` are texts by language."""

    id: UUID
    version: int
    rule_key: str
    rule_version: int
    kind: str
    scope: str
    severity: str
    workflow: str
    condition: str
    account_id: UUID | None
    external_id: str
    account: dict[str, Any]
    title: Any
    clears_when: str
    playbook: str | None
    recommended_actions: list[Any]
    evidence: dict[str, Any]
    score: dict[str, Any]
    as_of: datetime
    complete_through: datetime | None
    data_stale: bool
    reopen_count: int
    opened_at: datetime
    cleared_at: datetime | None
    closed_at: datetime | None
    owner: str | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    resolution: str | None
    feedback: str | None
    note: str | None


_COLUMNS = tuple(_alert[name] for name in Alert.__dataclass_fields__)


class Alerts:
    """Reads alerts. Every method is one read-only transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, workspace: str, filters: Filters, after: tuple[Any, ...] | None, limit: int
    ) -> tuple[Alert, ...]:
        """Up to `limit` alerts, newest first, after the given (opened at, id)."""
        query = (
            select(*_COLUMNS)
            .where(_alert.workspace_id == workspace, *_conditions(filters), *_later(after))
            .order_by(_alert.opened_at.desc(), _alert.id)
            .limit(limit)
        )
        async with self._database.transaction(workspace, read_only=True) as connection:
            return tuple(_alert_of(row) for row in await connection.execute(query))

    async def one(self, workspace: str, alert_id: UUID) -> Alert:
        """One alert. Raises: Absent."""
        query = select(*_COLUMNS).where(_alert.workspace_id == workspace, _alert.id == alert_id)
        async with self._database.transaction(workspace, read_only=True) as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            raise Absent("There is no such alert.")
        return _alert_of(row)


def _conditions(filters: Filters) -> Iterable[ColumnElement[bool]]:
    if filters.states:
        yield _alert.workflow.in_(filters.states)
    if filters.kinds:
        yield _alert.kind.in_(filters.kinds)
    if filters.severities:
        yield _alert.severity.in_(filters.severities)
    if filters.owners:
        yield _alert.owner.in_(filters.owners)
    if filters.account_id is not None:
        yield _alert.account_id == filters.account_id


def _later(after: tuple[Any, ...] | None) -> Iterable[ColumnElement[bool]]:
    if after is None:
        return
    opened_at, alert_id = datetime.fromisoformat(after[0]), UUID(after[1])
    yield _alert.opened_at <= opened_at
    yield or_(_alert.opened_at < opened_at, and_(_alert.opened_at == opened_at, _alert.id > alert_id))


def _alert_of(row: Row[Any]) -> Alert:
    return Alert(**row._mapping)
