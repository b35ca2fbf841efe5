"""Messages of many writers, numbered and sent by one elected relay.

A writer stages its message in the transaction of its effect, without a number: a sequence read by `position > last`
would lose the rows of whoever commits late. The relay, elected by an advisory lock, numbers what is committed, in one
transaction with whatever must exist once per number, and then sends in that order. So a row that commits late is
late, not lost; a crash between sending and remembering repeats messages under their own ids.

Source: ARCHITECTURE.md decision 17; ALERTS.md 11.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from sqlalchemy import Table, text

from kizashi_common.bus.bus import Producer
from kizashi_common.contracts.envelope import JSON, TRACEPARENT, Outgoing
from kizashi_common.contracts.partitioning import partition_of
from kizashi_common.db.database import Database
from kizashi_common.db.trouble import AWAY, NOT_NOW
from kizashi_common.errors import Busy
from kizashi_common.stream.outbox_meter import OutboxMeter
from kizashi_common.telemetry import metrics
from kizashi_common.telemetry.failpoints import failpoint
from kizashi_common.telemetry.logging import get_logger
from kizashi_common.telemetry.trace_records import Sent

_MOST: Final = 500
_LOOK: Final = 0.05


class Staged(NamedTuple):
    """A message as its writer leaves it. `object` and `number` together are said once; `id` names the message.

    `due_at` is since when telling it is due; None where it is `at`.
    """

    id: str
    workspace: str
    object: str
    number: int
    type: str
    key: bytes
    body: bytes
    at: datetime
    traceparent: str | None = None
    due_at: datetime | None = None


class Numbered(NamedTuple):
    """The same with its position in the stream, which its body names too."""

    position: int
    message: Staged


class OutboxTables(NamedTuple):
    """Where messages wait, and where the relay remembers how far it is."""

    outbox: Table
    relay: Table


Stamp = Callable[[bytes, int], bytes]
"""Puts a position into a body."""
OnNumbered = Callable[[Any, Sequence[Numbered]], Awaitable[None]]
"""Runs inside the numbering transaction: what must exist exactly once per message, such as deliveries."""


class SharedOutbox:
    """The writers' side."""

    def __init__(self, tables: OutboxTables) -> None:
        self.tables: Final = tables
        self.channel: Final = tables.outbox.fullname.replace(".", "_")
        columns = "id, workspace_id, object, number, type, key, body, at, traceparent, due_at"
        self._stage = (
            f"INSERT INTO {tables.outbox.fullname} ({columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
            " ON CONFLICT (object, number) DO NOTHING"
        )

    async def stage(self, connection: Any, messages: Sequence[Staged]) -> None:
        """Writes the messages inside the caller's transaction, in order, and wakes the relay at its commit."""
        if messages:
            await connection.executemany(self._stage, [tuple(message) for message in messages])
            await connection.execute("SELECT pg_notify($1, '')", self.channel)


class Relay:
    """The one that numbers and sends. Any number may run; one is elected, the others wait.

    `poll` is the net under the notification.
    """

    def __init__(
        self,
        database: Database,
        producer: Producer,
        topic: str,
        outbox: SharedOutbox,
        stamp: Stamp,
        on_numbered: OnNumbered,
    ) -> None:
        self._database = database
        self._producer = producer
        self._topic = topic
        self._channel = outbox.channel
        self._stamp = stamp
        self._on_numbered = on_numbered
        self._sql = _Statements(outbox.tables)
        self._lock_key = int.from_bytes(blake2b(outbox.channel.encode(), digest_size=8).digest(), "big", signed=True)
        self._service = outbox.tables.outbox.schema or ""
        self._log = get_logger(self._service)
        self._meter = OutboxMeter(database, outbox.tables.outbox, self._service)

    async def run(self, poll: timedelta = timedelta(seconds=1)) -> None:
        """Works until cancelled, through failures of database and broker."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._meter.run())
            group.create_task(self._relay(poll))

    async def _relay(self, poll: timedelta) -> None:
        while True:
            try:
                await self._elected(poll)
            except (Busy, *AWAY, *NOT_NOW) as error:
                self._log.warning("relay_waits", reason=type(error).__name__)
                metrics.worker_restarts_total.labels(self._service, "relay").inc()
                await asyncio.sleep(poll.total_seconds())

    async def drained(self) -> None:
        """Returns once nothing is left to send, whoever sends it; for an orderly stop. Raises: Busy."""
        while True:
            async with self._database.transaction(read_only=True) as connection:
                if not await connection.scalar(text(self._sql.pending)):
                    return
            await asyncio.sleep(_LOOK)

    async def _elected(self, poll: timedelta) -> None:
        connection = await self._database.connect()
        woken = asyncio.Event()
        try:
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", self._lock_key):
                await asyncio.sleep(poll.total_seconds())
            await connection.add_listener(self._channel, lambda *_: woken.set())
            await connection.execute(self._sql.begin, self._topic)
            while True:
                woken.clear()
                while await self.turn(connection):
                    pass
                await _either(woken, poll)
        finally:
            connection.terminate()

    async def turn(self, connection: Any) -> bool:
        """Numbers what waits and sends what is numbered; whether there may be more.

        Raises: Busy when the broker does not acknowledge: what was numbered keeps its number.
        """
        numbered = await self._number(connection)
        sent = await self._send(connection)
        return bool(numbered or sent)

    async def _number(self, connection: Any) -> int:
        async with connection.transaction():
            # The row's lock queues a relay that lost its election behind the new one: positions stay unique.
            first = await connection.fetchval(self._sql.take, self._topic)
            rows = await connection.fetch(self._sql.new, _MOST)
            if not rows:
                return 0
            numbered = [
                Numbered(first + i, _staged(row)._replace(body=self._stamp(row["body"], first + i)))
                for i, row in enumerate(rows)
            ]
            stamped = [(row["seq"], one.position, one.message.body) for row, one in zip(rows, numbered, strict=True)]
            await connection.executemany(self._sql.number, stamped)
            await self._on_numbered(connection, numbered)
            await connection.execute(self._sql.advance, self._topic, first + len(rows))
        failpoint("relay.numbered")
        return len(rows)

    async def _send(self, connection: Any) -> int:
        rows = await connection.fetch(self._sql.unsent, self._topic, _MOST)
        if not rows:
            return 0
        partitions = self._producer.partitions(self._topic)
        batches: dict[int, list[Outgoing]] = {}
        for row in rows:
            batches.setdefault(partition_of(row["key"], partitions), []).append(_outgoing(row))
        for partition, records in sorted(batches.items()):
            with Sent(self._service, self._topic, records) as traced:
                await self._producer.send(self._topic, partition, traced)
        failpoint("relay.sent")
        # Sent rows have done their work: the audit and the deliveries keep what must be kept.
        await connection.execute(self._sql.sent, self._topic, rows[-1]["position"])
        await connection.execute(self._sql.forget, rows[-1]["position"])
        return len(rows)


class _Statements:
    def __init__(self, tables: OutboxTables) -> None:
        outbox, relay = tables.outbox.fullname, tables.relay.fullname
        self.begin = f"INSERT INTO {relay} (name) VALUES ($1) ON CONFLICT DO NOTHING"
        self.take = f"SELECT next_position FROM {relay} WHERE name = $1 FOR UPDATE"
        self.new = f"SELECT * FROM {outbox} WHERE position IS NULL ORDER BY seq LIMIT $1"
        self.number = f"UPDATE {outbox} SET position = $2, body = $3 WHERE seq = $1"
        self.advance = f"UPDATE {relay} SET next_position = $2 WHERE name = $1"
        self.unsent = (
            f"SELECT * FROM {outbox} WHERE position > (SELECT sent_through FROM {relay} WHERE name = $1)"
            " ORDER BY position LIMIT $2"
        )
        self.sent = f"UPDATE {relay} SET sent_through = greatest(sent_through, $2) WHERE name = $1"
        self.forget = f"DELETE FROM {outbox} WHERE position <= $1"
        self.pending = f"SELECT count(*) FROM {outbox}"


def _staged(row: Any) -> Staged:
    return Staged(
        id=row["id"],
        workspace=row["workspace_id"],
        object=row["object"],
        number=row["number"],
        type=row["type"],
        key=row["key"],
        body=row["body"],
        at=row["at"],
        traceparent=row["traceparent"],
        due_at=row["due_at"],
    )


def _outgoing(row: Any) -> Outgoing:
    headers = [("content-type", JSON), ("id", row["id"].encode()), ("type", row["type"].encode())]
    headers.append(("workspace", row["workspace_id"].encode()))
    if row["traceparent"] is not None:
        headers.append((TRACEPARENT, row["traceparent"].encode()))
    return Outgoing(row["key"], row["body"], tuple(headers))


async def _either(woken: asyncio.Event, poll: timedelta) -> None:
    try:
        async with asyncio.timeout(poll.total_seconds()):
            await woken.wait()
    except TimeoutError:
        return
