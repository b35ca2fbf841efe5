"""The transaction that makes a step true: its first statement is the compare-and-set of (epoch, flush_seq, offset).

The row lock of that statement queues a zombie behind the owner, where it fails the comparison instead of deadlocking
on rows; so safety never depends on Kafka's membership. A commit whose answer was lost is settled by reading the row
again: `flush_seq` and not the offset decides, because sweeps and facts flush without new records.

Source: HEALTH.md 2 and 3.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from kizashi_common.contracts.envelope import Outgoing
from kizashi_common.db.database import Database
from kizashi_common.db.lines import Lines
from kizashi_common.db.tables.slots import SlotTables
from kizashi_common.errors import Fenced
from kizashi_common.stream.shapes import Claim, DeadLetter, FlushBase
from kizashi_common.stream.slot_outbox import Numbered
from kizashi_common.telemetry.failpoints import failpoint

Write = Callable[[Any], Awaitable[None]]

_CONNECTIONS: Final = 4
"""Flushes of so many slots wait for the database side by side."""


class Advance(NamedTuple):
    """Where a flush takes the slot."""

    next_offset: int
    anchor_offset: int | None
    anchor_hash: bytes | None
    complete_through: datetime | None
    published_through: int


class Ledger:
    """Claims slots and commits their flushes, over a few connections of its own.

    Whoever loads and whoever flushes has one to itself for a turn: two tasks inside one transaction would roll back
    each other's work. `patience` bounds one turn, so that a database that answers nothing does not hold the loop for
    ever.
    """

    def __init__(
        self,
        database: Database,
        tables: SlotTables,
        owner: str,
        clock: Callable[[], datetime],
        build: int = 0,
        *,
        patience: timedelta = timedelta(seconds=30),
    ) -> None:
        self._owner = owner
        self._clock = clock
        self._build = build
        self._lines = Lines(database, _CONNECTIONS, "ledger", patience)
        self._sql = _Statements(tables)

    async def claim(self, partition: int, partitions: int, topic: str) -> Claim:
        """Takes the slot: from now on every other writer of it is fenced. Raises: Busy."""
        slot = self._build * 1000 + partition
        async with self._lines.lend() as connection, connection.transaction():
            await connection.execute(self._sql.create, slot, topic, partition, partitions)
            row = await connection.fetchrow(self._sql.claim, slot, self._owner, self._clock())
        return _claim(row, self._clock())

    async def given_up(self, partitions: Collection[int]) -> dict[int, datetime]:
        """Those whose log a person gave up, with the time until which that holds. Raises: Busy."""
        slots = [self._build * 1000 + partition for partition in partitions]
        async with self._lines.lend() as connection:
            rows = await connection.fetch(self._sql.given_up, slots, self._clock())
        return {row["part"]: row["reset_until"] for row in rows}

    async def adopt(self, claim: Claim, cluster_id: str, first: int, *, replaced: bool, write: Write) -> Claim:
        """Begins reading a log: the first one, or, when `replaced`, a new one as a new incarnation.

        `first_offset` is set so that all that was counted before stays inside the equation I1.
        Raises: Fenced, Busy.
        """
        async with self._lines.lend() as connection, connection.transaction():
            row = await connection.fetchrow(self._sql.adopt, claim.slot, claim.epoch, cluster_id, first, int(replaced))
            if row is None:
                raise Fenced
            if replaced:
                await write(connection)
        return _claim(row, self._clock())

    async def unpublished(self, claim: Claim) -> list[Numbered]:
        """What earlier owners committed and nobody has seen acknowledged. Raises: Busy."""
        async with self._lines.lend() as connection:
            rows = await connection.fetch(self._sql.unpublished, claim.slot, claim.published_through)
        return [Numbered(row["seq"], Outgoing(row["key"], row["payload"], _headers(row["headers"]))) for row in rows]

    async def commit(self, claim: Claim, to: Advance, flush: FlushBase, write: Write) -> tuple[Claim, list[Numbered]]:
        """Commits one flush; returns the claim as it stands then, and the numbered messages to send.

        Safe to repeat after Busy with the same arguments: a commit in doubt is settled first.
        Raises: Fenced, Busy.
        """
        numbered = [Numbered(claim.outbox_next + i, message) for i, message in enumerate(flush.messages)]
        after = claim._replace(
            flush_seq=claim.flush_seq + 1,
            next_offset=to.next_offset,
            anchor_offset=to.anchor_offset,
            anchor_hash=to.anchor_hash,
            complete_through=to.complete_through,
            published_through=to.published_through,
            outbox_next=claim.outbox_next + len(numbered),
            fresh=False,
        )
        async with self._lines.lend() as connection:
            async with connection.transaction():
                if not await self._moved(connection, claim, to, flush, numbered):
                    return after, numbered
                failpoint("flush.rows")
                await write(connection)
                failpoint("flush.commit")
            failpoint("flush.committed")
        return after, numbered

    async def _is_done(self, connection: Any, claim: Claim) -> bool:
        """Whether this very flush was committed by an attempt whose answer was lost."""
        row = await connection.fetchrow(self._sql.where, claim.slot)
        if row is None or row["epoch"] != claim.epoch:
            raise Fenced
        return bool(row["flush_seq"] == claim.flush_seq + 1)

    async def _moved(
        self, connection: Any, claim: Claim, to: Advance, flush: FlushBase, numbered: Sequence[Numbered]
    ) -> bool:
        """Moves the slot and writes what is the ledger's own; False when this very flush is in the database already."""
        moved = await connection.fetchval(
            self._sql.step,
            claim.slot,
            claim.epoch,
            claim.incarnation,
            claim.flush_seq,
            claim.next_offset,
            to.next_offset,
            to.anchor_offset,
            to.anchor_hash,
            to.complete_through,
            to.published_through,
            claim.outbox_next + len(numbered),
            *flush.counts,
        )
        failpoint("flush.step")
        if moved is None:
            if await self._is_done(connection, claim):
                return False
            raise Fenced
        await connection.execute(
            self._sql.log, claim.slot, claim.flush_seq + 1, claim.epoch, claim.incarnation,
            claim.next_offset, to.next_offset, *flush.counts, self._clock(),
        )  # fmt: skip
        if claim.published_through < to.published_through:
            await connection.execute(self._sql.forget, claim.slot, to.published_through)
        if numbered:
            await connection.executemany(self._sql.stage, [_row(claim.slot, one) for one in numbered])
        await self._set_aside(connection, self._sql.dead, claim, flush.dead_letters)
        await self._set_aside(connection, self._sql.park, claim, flush.parked)
        return True

    @staticmethod
    async def _set_aside(connection: Any, sql: str, claim: Claim, letters: Sequence[DeadLetter]) -> None:
        if letters:
            await connection.executemany(sql, [_letter(claim, letter) for letter in letters])

    async def close(self) -> None:
        """Gives the connections back."""
        self._lines.close()


class _Statements:
    def __init__(self, tables: SlotTables) -> None:
        slot, log = tables.consumer_slot.fullname, tables.flush_log.fullname
        outbox = tables.outbox.fullname
        aside = (
            "INSERT INTO {} (slot, incarnation, off, code, error, key, value, headers, at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING"
        )
        self.create = (
            f"INSERT INTO {slot} (slot, topic, part, partitions) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
        )
        self.claim = f"UPDATE {slot} SET epoch = epoch + 1, owner = $2, claimed_at = $3 WHERE slot = $1 RETURNING *"
        self.given_up = (
            f"SELECT part, reset_until FROM {slot}"
            " WHERE slot = ANY ($1) AND reset_from = incarnation AND reset_until > $2"
        )
        self.adopt = (
            f"UPDATE {slot} SET cluster_id = $3, incarnation = incarnation + $5, next_offset = $4,"
            " first_offset = $4 - (applied + duplicates + dead_lettered + parked + control),"
            " anchor_offset = NULL, anchor_hash = NULL WHERE slot = $1 AND epoch = $2 RETURNING *"
        )
        self.unpublished = f"SELECT seq, key, headers, payload FROM {outbox} WHERE slot = $1 AND seq > $2 ORDER BY seq"
        self.where = f"SELECT epoch, flush_seq FROM {slot} WHERE slot = $1"
        self.step = (
            f"UPDATE {slot} SET flush_seq = flush_seq + 1, next_offset = $6, anchor_offset = $7, anchor_hash = $8,"
            " complete_through = $9, published_through = $10, outbox_next = $11, applied = applied + $12,"
            " duplicates = duplicates + $13, dead_lettered = dead_lettered + $14, parked = parked + $15,"
            " control = control + $16 WHERE slot = $1 AND epoch = $2 AND incarnation = $3 AND flush_seq = $4"
            " AND next_offset = $5 RETURNING slot"
        )
        self.log = f"INSERT INTO {log} VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        self.forget = f"DELETE FROM {outbox} WHERE slot = $1 AND seq <= $2"
        self.stage = f"INSERT INTO {outbox} (slot, seq, key, headers, payload) VALUES ($1, $2, $3, $4, $5)"
        self.dead = aside.format(tables.dead_letter.fullname)
        self.park = aside.format(tables.parked_event.fullname)


def _claim(row: Any, now: datetime) -> Claim:
    # Bound to the incarnation and to a time, so that leave once given never excuses a later fault.
    may_reset = row["reset_from"] == row["incarnation"] and row["reset_until"] > now
    return Claim(
        slot=row["slot"],
        partition=row["part"],
        partitions=row["partitions"],
        topic=row["topic"],
        epoch=row["epoch"],
        incarnation=row["incarnation"],
        flush_seq=row["flush_seq"],
        first_offset=row["first_offset"],
        next_offset=row["next_offset"],
        complete_through=row["complete_through"],
        outbox_next=row["outbox_next"],
        published_through=row["published_through"],
        anchor_offset=row["anchor_offset"],
        anchor_hash=row["anchor_hash"],
        cluster_id=row["cluster_id"],
        fresh=row["cluster_id"] is None,
        may_reset=may_reset,
        may_skip=may_reset and row["gap_accepted"],
    )


def _letter(claim: Claim, letter: DeadLetter) -> tuple[Any, ...]:
    record = letter.record
    where = (claim.slot, claim.incarnation, record.offset)
    return (*where, letter.code, letter.error[:500], record.key, record.value, _packed(record.headers), record.at)


def _row(slot: int, numbered: Numbered) -> tuple[Any, ...]:
    message = numbered.message
    return (slot, numbered.seq, message.key, _packed(message.headers), message.value)


def _packed(headers: Sequence[tuple[str, bytes]]) -> str:
    return json.dumps([[name, value.decode("latin-1")] for name, value in headers])


def _headers(packed: Sequence[Sequence[str]]) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, value.encode("latin-1")) for name, value in packed)
