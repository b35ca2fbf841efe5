"""Alerts as rows: the latest episodes of a subject, locked; and what became of them, with audit and outbox.

One road for the flush and for people: both lock the subject's cursor row first, read, decide, and write here.

Source: ALERTS.md 6 and 13.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import msgspec

from kizashi_alerts.domain.alert import Alert, Identity, Scored, Subject
from kizashi_alerts.domain.message import event_id, object_name, of_alert
from kizashi_alerts.domain.playbook import Playbook
from kizashi_alerts.domain.rulebook import Rulebook
from kizashi_alerts.domain.settle import Desk, Happened
from kizashi_common.contracts import alerts as contract
from kizashi_common.contracts.ids import shown
from kizashi_common.contracts.partitioning import account_key
from kizashi_common.db.tables import alerts as tables
from kizashi_common.errors import Absent
from kizashi_common.stream.shared_outbox import SharedOutbox, Staged
from kizashi_common.telemetry.tracing import traceparent

SubjectKey = tuple[str, str]

_COLUMNS: Final = tuple(tables.alert.c.keys())
_FIXED: Final = frozenset(("id", "workspace_id", "subject", "rule_key", "scope", "kind", "episode", "account_id"))
_CHANGED: Final = tuple(column for column in _COLUMNS if column not in _FIXED)
_WRAPPED: Final = frozenset(
    (
        *("workspace_id", "subject", "rule_key", "scope", "account_id", "external_id", "account"),
        *("title", "recommended_actions", "evidence", "score"),
    )
)
_PLAIN: Final = tuple(column for column in _COLUMNS if column not in _WRAPPED)
_MARKS: Final = ", ".join(f"${i}" for i in range(1, len(_COLUMNS) + 1))
_INSERT: Final = (
    f"INSERT INTO alerts.alert ({', '.join(_COLUMNS)}) VALUES ({_MARKS})"
    " ON CONFLICT (workspace_id, subject, rule_key, scope) WHERE closed_at IS NULL DO NOTHING RETURNING id"
)
_UPDATE: Final = (
    f"UPDATE alerts.alert SET {', '.join(f'{c} = ${i}' for i, c in enumerate(_CHANGED, 3))}"
    " WHERE workspace_id = $1 AND id = $2"
)
_LATEST: Final = """
SELECT DISTINCT ON (a.workspace_id, a.subject, a.rule_key, a.scope) a.*
FROM unnest($1::text[], $2::text[]) AS s (workspace_id, subject)
JOIN alerts.alert AS a ON a.workspace_id = s.workspace_id AND a.subject = s.subject
ORDER BY a.workspace_id, a.subject, a.rule_key, a.scope, a.episode DESC
"""
_FIND: Final = "SELECT subject FROM alerts.alert WHERE workspace_id = $1 AND id = $2"
_LOCK: Final = "SELECT 1 FROM alerts.subject_cursor WHERE workspace_id = $1 AND subject = $2 FOR UPDATE"
_EVENT: Final = (
    "INSERT INTO alerts.alert_event"
    " (alert_id, number, workspace_id, type, actor, before, after, notify, request_id, at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
)


@dataclass(frozen=True)
class Alerts:
    """Reads and writes alerts inside the caller's transaction; `connection` is asyncpg's."""

    book: Rulebook
    playbooks: Mapping[str, Playbook]
    new_id: Callable[[], UUID]
    outbox: SharedOutbox
    public_url: str

    async def lock_subject_of(self, connection: Any, workspace: str, alert_id: UUID) -> str:
        """The alert's subject, locked against engine and people. Raises: Absent for a foreign or unknown alert."""
        subject: str | None = await connection.fetchval(_FIND, workspace, alert_id)
        if subject is None:
            raise Absent("There is no such alert.")
        await connection.execute(_LOCK, workspace, subject)
        return subject

    async def desks(self, connection: Any, subjects: Sequence[SubjectKey]) -> dict[SubjectKey, Desk]:
        """The latest episodes of every identity of subjects whose cursor rows the caller has locked."""
        desks = {subject: Desk(self.book, self.playbooks, self.new_id) for subject in subjects}
        rows = await connection.fetch(_LATEST, [s[0] for s in subjects], [s[1] for s in subjects])
        for row in rows:
            desks[(row["workspace_id"], row["subject"])].put(_alert(row))
        return desks

    async def write(self, connection: Any, happened: Sequence[Happened], request_id: str | None = None) -> None:
        """Alerts, audit trail and messages of what happened, in order. A new episode that lost a race says nothing."""
        written = [one for one in happened if await self._write_alert(connection, one)]
        told = [one for one in written if one.event is not None]
        await connection.executemany(_EVENT, [_audit(one, request_id) for one in told])
        await self.outbox.stage(connection, [self._staged(one) for one in told])

    async def _write_alert(self, connection: Any, one: Happened) -> bool:
        row = _row(one.alert)
        if one.before is None:
            return await connection.fetchval(_INSERT, *row.values()) is not None
        await connection.execute(_UPDATE, row["workspace_id"], row["id"], *(row[column] for column in _CHANGED))
        return True

    def _staged(self, one: Happened) -> Staged:
        assert one.event is not None
        assert one.notify is not None
        alert, name = one.alert, object_name(one.alert.id)
        return Staged(
            id=event_id(name, alert.version),
            workspace=alert.identity.workspace,
            object=name,
            number=alert.version,
            type=one.event,
            key=message_key(alert.identity.workspace, alert.about),
            body=contract.encode(of_alert(one, one.event, one.notify, self.public_url)),
            at=one.at,
            due_at=one.due_at,
            traceparent=one.trace or traceparent(),
        )


def message_key(workspace: str, about: Subject) -> bytes:
    """The key under which a subject's events travel."""
    if about.account_id is None:
        return f"{workspace}|{about.key}".encode()
    return account_key(workspace, about.external_id).encode()


def _row(alert: Alert) -> dict[str, Any]:
    identity, about = alert.identity, alert.about
    values = {name: getattr(alert, name) for name in _PLAIN}
    return {column: values.get(column) for column in _COLUMNS} | {
        "workspace_id": identity.workspace,
        "subject": identity.subject,
        "rule_key": identity.rule_key,
        "scope": identity.scope,
        "account_id": about.account_id,
        "external_id": about.external_id,
        "account": _json(
            {
                "id": shown("acc", about.account_id) if about.account_id else about.key[2:],
                "external_id": about.external_id,
                "name": about.name,
                "owner": about.owner,
                "arr": about.arr,
            }
        ),
        "title": _json(alert.title),
        "recommended_actions": _json(alert.recommended_actions),
        "evidence": _json(alert.evidence),
        "score": _json(
            {
                "value": alert.score.value,
                "band": alert.score.band,
                "evidence": alert.score.evidence,
                "reasons": [{"code": code, "points": points} for code, points in alert.score.reasons],
            }
        ),
    }


def _alert(row: Any) -> Alert:
    about, score = row["account"], row["score"]
    return Alert(
        identity=Identity(row["workspace_id"], row["subject"], row["rule_key"], row["scope"]),
        about=Subject(
            key=row["subject"],
            account_id=row["account_id"],
            external_id=row["external_id"],
            name=about["name"],
            owner=about["owner"],
            arr=about["arr"],
        ),
        title=row["title"],
        recommended_actions=tuple(row["recommended_actions"]),
        evidence=row["evidence"],
        score=Scored(
            value=score["value"],
            band=score["band"],
            evidence=score["evidence"],
            reasons=tuple((reason["code"], reason["points"]) for reason in score["reasons"]),
        ),
        **{column: row[column] for column in _PLAIN},
    )


def _audit(one: Happened, request_id: str | None) -> tuple[Any, ...]:
    return (
        one.alert.id,
        one.alert.version,
        one.alert.identity.workspace,
        one.event,
        one.actor,
        _json(_axes(one.before) if one.before is not None else {}),
        _json(_axes(one.alert) | {"evidence": one.alert.evidence, "rule_version": one.alert.rule_version}),
        _json(one.notify),
        request_id,
        one.at,
    )


def _axes(alert: Alert) -> dict[str, Any]:
    """Where an alert stands on both axes: what the audit trail compares."""
    return {
        "condition": alert.condition,
        "severity": alert.severity,
        "workflow": alert.workflow,
        "resolution": alert.resolution,
        "feedback": alert.feedback,
        "acknowledged_by": alert.acknowledged_by,
        "covered_by": shown("alr", alert.covered_by) if alert.covered_by is not None else None,
        "held_by": alert.held_by,
        "note": alert.note,
    }


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
