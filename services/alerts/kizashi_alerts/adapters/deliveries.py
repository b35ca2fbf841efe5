"""Deliveries as rows: frozen once per endpoint, leased, finished with what came of the attempt.

A lease is set in the claiming transaction and the call is made outside any: a crash after sending lets the lease run
out, and the same id is sent again. At least once, by contract. Leases are taken by one at a time, over all processes.

Source: ALERTS.md 11.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from kizashi_alerts.domain.delivery import State, wants
from kizashi_common.db.database import Database, driver_of
from kizashi_common.db.repeats import Once, claim
from kizashi_common.db.tables.alerts import idempotency as _idempotency
from kizashi_common.stream.shared_outbox import Numbered

PER_ENDPOINT: Final = 4
"""In flight at most, so that a dead endpoint cannot take the whole pool."""

_ENDPOINTS: Final = """
SELECT id, workspace_id, events FROM alerts.endpoint WHERE workspace_id = ANY($1::text[]) AND state = 'enabled'
"""
_FREEZE: Final = """
INSERT INTO alerts.delivery
    (id, workspace_id, endpoint_id, event_id, type, body, traceparent, state, next_at, event_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', $8, $9, $8)
ON CONFLICT (workspace_id, endpoint_id, event_id) DO NOTHING
"""
_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtextextended('alerts deliveries are leased', 0))"
_CLAIM: Final = """
WITH flying AS (
    SELECT workspace_id, endpoint_id, (attempt_no = 0) = $2 AS is_of_pool FROM alerts.delivery
    WHERE state = 'leased' AND lease_until >= $1
), at_endpoint AS (
    SELECT endpoint_id, count(*) AS flying FROM flying GROUP BY endpoint_id
), of_workspace AS (
    SELECT workspace_id, count(*) AS flying FROM flying WHERE is_of_pool GROUP BY workspace_id
), due AS (
    SELECT id, workspace_id, endpoint_id, next_at,
           row_number() OVER (PARTITION BY endpoint_id ORDER BY next_at, id) AS place
    FROM alerts.delivery
    WHERE ((state IN ('pending', 'waiting') AND next_at <= $1) OR (state = 'leased' AND lease_until < $1))
      AND (attempt_no = 0) = $2
), possible AS (
    SELECT due.id, due.next_at,
           row_number() OVER (PARTITION BY due.workspace_id ORDER BY due.place, due.next_at, due.id)
               + coalesce(of_workspace.flying, 0) AS share
    FROM due
    LEFT JOIN at_endpoint ON at_endpoint.endpoint_id = due.endpoint_id
    LEFT JOIN of_workspace ON of_workspace.workspace_id = due.workspace_id
    WHERE due.place + coalesce(at_endpoint.flying, 0) <= $3
), picked AS (
    SELECT d.id FROM possible
    JOIN alerts.delivery AS d USING (id)
    WHERE possible.share <= $6
      AND (d.state IN ('pending', 'waiting') OR (d.state = 'leased' AND d.lease_until < $1))
    ORDER BY possible.share, possible.next_at
    LIMIT $4
    FOR UPDATE OF d SKIP LOCKED
)
UPDATE alerts.delivery AS d
SET state = CASE WHEN e.state = 'enabled' THEN 'leased' ELSE 'parked' END,
    lease_until = CASE WHEN e.state = 'enabled' THEN $5::timestamptz END,
    next_at = CASE WHEN e.state = 'enabled' THEN d.next_at END
FROM picked, alerts.endpoint AS e
WHERE d.id = picked.id AND e.workspace_id = d.workspace_id AND e.id = d.endpoint_id
RETURNING d.id, d.workspace_id, d.endpoint_id, d.event_id, d.type, d.body, d.traceparent, d.attempt_no, d.event_at,
          d.lease_until, e.url
"""
_FINISH: Final = """
UPDATE alerts.delivery AS d
SET state = CASE WHEN $3 = 'waiting' AND e.state <> 'enabled' THEN 'parked' ELSE $3 END,
    next_at = CASE WHEN e.state = 'enabled' THEN $4::timestamptz END,
    attempt_no = attempt_no + 1, lease_until = NULL, finished_at = $5
FROM alerts.endpoint AS e
WHERE d.id = $1 AND d.state = 'leased' AND d.lease_until = $2
  AND e.workspace_id = d.workspace_id AND e.id = d.endpoint_id
RETURNING d.workspace_id, d.attempt_no, d.state
"""
_ATTEMPT: Final = """
INSERT INTO alerts.attempt (delivery_id, number, workspace_id, at, status, ms, error, response)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


Finished = State | Literal["parked"]


class Delivery(NamedTuple):
    """A leased delivery. `attempt_no` attempts were made before; `event_at` is since when telling is due."""

    id: UUID
    workspace: str
    endpoint_id: UUID
    event_id: str
    type: str
    body: bytes
    traceparent: str | None
    attempt_no: int
    event_at: datetime
    lease_until: datetime
    url: str


class Leased(NamedTuple):
    """What a pool shall attempt now, and how many deliveries were parked instead."""

    deliveries: list[Delivery]
    parked: int


class Attempt(NamedTuple):
    """What came of one attempt, for the log that members see."""

    at: datetime
    ms: int
    status: int | None
    error: str | None
    said: str | None


class Deliveries:
    """Freezes, leases and finishes."""

    def __init__(self, database: Database, new_id: Callable[[], UUID]) -> None:
        self._database = database
        self._new_id = new_id

    async def freeze(self, connection: Any, numbered: Sequence[Numbered], now: datetime) -> None:
        """One delivery per event and endpoint that wants it, inside the relay's numbering transaction."""
        workspaces = sorted({one.message.workspace for one in numbered})
        endpoints = [
            (row["id"], row["workspace_id"], frozenset(row["events"]))
            for row in await connection.fetch(_ENDPOINTS, workspaces)
        ]
        rows = [
            self._row(one, endpoint_id, now)
            for one in numbered
            for endpoint_id, workspace, chosen in endpoints
            if workspace == one.message.workspace and wants(chosen, one.message.type)
        ]
        await connection.executemany(_FREEZE, rows)

    def _row(self, one: Numbered, endpoint_id: UUID, now: datetime) -> tuple[Any, ...]:
        message = one.message
        return (
            self._new_id(),
            message.workspace,
            endpoint_id,
            message.id,
            message.type,
            message.body,
            message.traceparent,
            now,
            message.due_at or message.at,
        )

    async def add(
        self,
        workspace: str,
        endpoint_id: UUID,
        event: tuple[str, str, bytes],
        now: datetime,
        once: Once | None = None,
    ) -> str:
        """A delivery of its own, for one endpoint: the id of its event, of the first one if the request is a repeat.

        Shape: `event` is id, type and body. Raises: as `claim`.
        """
        row = (self._new_id(), workspace, endpoint_id, *event, None, now, now)
        async with self._database.transaction(workspace) as transaction:
            earlier = None if once is None else await claim(transaction, _idempotency, once, now, object=event[0])
            if earlier is not None:
                return str(earlier.object)
            await (await driver_of(transaction)).execute(_FREEZE, *row)
        return event[0]

    async def lease(self, now: datetime, until: datetime, *, first: bool, most: int, share: int) -> Leased:
        """What is due, and what a crashed process left: first attempts or retries.

        A turn for each workspace, and in it one for each of its endpoints; no workspace has more than `share` in
        flight of these. What is due at an endpoint that takes nothing any more is parked.
        """
        async with self._database.transaction() as transaction:
            connection = await driver_of(transaction)
            # What is in flight is counted, so two that count side by side would both take the last place.
            await connection.execute(_ONE_AT_A_TIME)
            rows = await connection.fetch(_CLAIM, now, first, PER_ENDPOINT, most, until, share)
        leased = [Delivery(*row.values()) for row in rows if row["lease_until"] is not None]
        return Leased(leased, len(rows) - len(leased))

    async def finish(
        self, delivery: Delivery, state: State, next_at: datetime | None, attempt: Attempt
    ) -> Finished | None:
        """Writes what came of the attempt: the state that it is in now, which is `parked` where it would wait at an
        endpoint that takes nothing any more; None when the lease had run out and another has the delivery."""
        finished_at = None if state == "waiting" else attempt.at
        async with self._database.transaction() as transaction:
            connection = await driver_of(transaction)
            row = await connection.fetchrow(_FINISH, delivery.id, delivery.lease_until, state, next_at, finished_at)
            if row is None:
                return None
            await connection.execute(
                _ATTEMPT, delivery.id, row["attempt_no"], row["workspace_id"], attempt.at, attempt.status,
                attempt.ms, attempt.error, attempt.said,
            )  # fmt: skip
        ended: Finished = row["state"]
        return ended
