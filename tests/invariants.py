"""What must hold of every slot at every instant, read in one snapshot: during a fault as well as after it.

A check that only looks afterwards is fooled: a mutant without the compare-and-set wrote wrong rows while it ran and
still ended right, because the owner overwrote them.

Source: HEALTH.md 14, I1 to I3 and what the slot's outbox promises in 10.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg

ID_BYTES: Final = 16

Invariant = Callable[[Any, str], Awaitable[list[str]]]
"""Asked of a connection inside a snapshot, and of a schema; answers what is broken, in words."""


async def offsets_are_decided_once(connection: Any, schema: str) -> list[str]:
    """I1: every offset between first and next is exactly one of applied, duplicate, dead, parked, control."""
    rows = await connection.fetch(
        f"SELECT slot, next_offset - first_offset AS seen,"
        f" applied + duplicates + dead_lettered + parked + control AS decided FROM {schema}.consumer_slot"
    )
    return [
        f"I1: slot {row['slot']} saw {row['seen']} offsets and decided {row['decided']}"
        for row in rows
        if row["seen"] != row["decided"]
    ]


async def counts_agree(connection: Any, schema: str) -> list[str]:
    """I2: applied events, the events in the day rows, and the remembered ids are equally many; no id is there twice."""
    rows = await connection.fetch(
        f"SELECT slot, applied,"
        f" coalesce((SELECT sum(events) FROM {schema}.account_day d WHERE d.slot = s.slot), 0) AS events,"
        f" coalesce((SELECT sum(length(ids)) FROM {schema}.dedupe_chunk c WHERE c.slot = s.slot), 0) AS bytes"
        f" FROM {schema}.consumer_slot s"
    )
    broken = [
        f"I2: slot {row['slot']} applied {row['applied']}, day rows hold {row['events']}, ids {row['bytes'] / ID_BYTES}"
        for row in rows
        if not row["applied"] == row["events"] == row["bytes"] / ID_BYTES
    ]
    return broken + await ids_are_unique(connection, schema)


async def ids_are_unique(connection: Any, schema: str) -> list[str]:
    """The part of I2 about marks alone: no id of a slot was remembered twice."""
    found: dict[int, set[bytes]] = {}
    broken = []
    for row in await connection.fetch(f"SELECT slot, ids FROM {schema}.dedupe_chunk"):
        known, ids = found.setdefault(row["slot"], set()), row["ids"]
        for one in (ids[i : i + ID_BYTES] for i in range(0, len(ids), ID_BYTES)):
            if one in known:
                broken.append(f"I2: slot {row['slot']} counted id {one.hex()} twice")
            known.add(one)
    return broken


async def flushes_are_a_chain(connection: Any, schema: str) -> list[str]:
    """I3: flushes have no gap, each begins where the one before it ended, and neither epoch nor offset ever falls."""
    slots = {row["slot"]: row for row in await connection.fetch(f"SELECT * FROM {schema}.consumer_slot")}
    last: dict[int, Any] = {}
    broken = []
    for row in await connection.fetch(f"SELECT * FROM {schema}.flush_log ORDER BY slot, flush_seq"):
        broken += [f"I3: slot {row['slot']} flush {row['flush_seq']}: {fault}" for fault in _links(last, row)]
        last[row["slot"]] = row
    for slot, row in slots.items():
        end = last.get(slot)
        if row["flush_seq"] != (0 if end is None else end["flush_seq"]):
            broken.append(f"I3: slot {slot} is at flush {row['flush_seq']}, its log at {end and end['flush_seq']}")
        elif end is not None and end["incarnation"] == row["incarnation"] and end["to_off"] != row["next_offset"]:
            broken.append(f"I3: slot {slot} is at {row['next_offset']}, its log ends at {end['to_off']}")
    return broken


def _links(last: dict[int, Any], row: Any) -> list[str]:
    before = last.get(row["slot"])
    decided = row["n_new"] + row["n_dup"] + row["n_dead"] + row["n_park"] + row["n_ctl"]
    faults = []
    if row["flush_seq"] != (1 if before is None else before["flush_seq"] + 1):
        faults.append("a flush is missing before it")
    if row["to_off"] - row["from_off"] != decided:
        faults.append(f"spans {row['from_off']} to {row['to_off']} and decided {decided}")
    if before is not None and row["epoch"] < before["epoch"]:
        faults.append("its epoch fell")
    if before is not None and row["incarnation"] == before["incarnation"] and row["from_off"] != before["to_off"]:
        faults.append(f"begins at {row['from_off']}, the one before ended at {before['to_off']}")
    return faults


async def outboxes_are_dense(connection: Any, schema: str) -> list[str]:
    """What is staged is exactly what was numbered and not yet noted as acknowledged."""
    rows = await connection.fetch(
        f"SELECT s.slot, s.published_through, s.outbox_next,"
        f" array(SELECT seq FROM {schema}.outbox o WHERE o.slot = s.slot ORDER BY seq) AS staged"
        f" FROM {schema}.consumer_slot s"
    )
    return [
        f"outbox: slot {row['slot']} holds {list(row['staged'])} of {row['published_through']} to {row['outbox_next']}"
        for row in rows
        if list(row["staged"]) != list(range(row["published_through"] + 1, row["outbox_next"]))
    ]


STREAM: Final[tuple[Invariant, ...]] = (offsets_are_decided_once, flushes_are_a_chain, outboxes_are_dense)
"""What holds for every consumer that the stream core drives."""

HEALTH: Final[tuple[Invariant, ...]] = (*STREAM, counts_agree)
"""What holds for health."""


async def broken(connection: Any, invariants: tuple[Invariant, ...] = HEALTH, schema: str = "health") -> list[str]:
    """All that is broken now, in one REPEATABLE READ snapshot."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        return [fault for invariant in invariants for fault in await invariant(connection, schema)]


@dataclass
class Watch:
    """What was seen while something ran."""

    looks: int = 0
    faults: list[str] = field(default_factory=list)


@asynccontextmanager
async def watched(
    url: str, invariants: tuple[Invariant, ...] = HEALTH, *, every: float = 0.02, schema: str = "health"
) -> AsyncIterator[Watch]:
    """Looks again and again while the block runs, and once at its end. Raises: AssertionError for what was broken."""
    watch = Watch()
    connection = await asyncpg.connect(url)
    ended = asyncio.Event()

    async def look() -> None:
        watch.looks += 1
        watch.faults += await broken(connection, invariants, schema)

    async def keep_looking() -> None:
        while not ended.is_set() and not watch.faults:
            await look()
            await asyncio.sleep(every)

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(keep_looking())
            try:
                yield watch
            finally:
                ended.set()
        await look()
    finally:
        await connection.close()
    assert not watch.faults, watch.faults[:5]
