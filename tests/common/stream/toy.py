"""A service so small that it only remembers what it applied: each offset as one id, each record as one message.

It runs on health's tables, because the stream core needs some. What it has committed can be read back, so a record that
was lost, doubled or applied out of place is seen at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg

from kizashi_common.contracts.envelope import Outgoing
from kizashi_common.db.tables.health import slots
from kizashi_common.stream.ledger import Ledger
from kizashi_common.stream.runner import Runner
from kizashi_common.stream.shapes import Claim, Counts, DeadLetter, FlushBase, Records, SetAside, Step, Wake
from kizashi_common.stream.slot import Beat
from kizashi_common.stream.stream import Stream
from tests.conftest import Databases
from tests.twins.bus import MemoryBus
from tests.twins.clock import GoingClock, SetClock

SLOTS = slots
EVENTS = "events"
SCORES = "scores"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = date(2026, 11, 24)
ID_BYTES = 16


def an_id(offset: int) -> bytes:
    return offset.to_bytes(ID_BYTES, "big")


@dataclass(slots=True)
class Tape(FlushBase):
    """A flush of the toy: the offsets that it applied."""

    offsets: list[int] = field(default_factory=list)


class ToyEngine:
    """Applies everything, and sends one message for each record."""

    def __init__(self, claim: Claim, unbearable: Mapping[str, set[int]]) -> None:
        self.claim = claim
        self._unbearable = unbearable["apply"] if claim.partition == 0 else set()
        self._aside: list[DeadLetter] = []
        self.position = claim.next_offset
        self.heard_through: datetime | None = None
        self.asks = True
        self.most_waiting = 0
        self._offsets: list[int] = []
        self._messages: list[Outgoing] = []

    @property
    def waiting_rows(self) -> int:
        return len(self._offsets)

    def needs(self, step: Step) -> int | None:
        return self.claim.partition if self.asks and isinstance(step, Records) else None

    def apply(self, step: Step, rows: None) -> None:
        if isinstance(step, SetAside):
            self._aside.append(step.letter)
            self.position += 1
        if isinstance(step, Records):
            for record in step.records:
                if record.offset in self._unbearable:
                    raise ValueError("this is too much")
                assert record.offset == self.position, "a record out of place was handed to the engine"
                self._offsets.append(record.offset)
                self._messages.append(Outgoing(b"%d" % self.claim.partition, b"%d" % record.offset))
                self.position += 1
            self.most_waiting = max(self.most_waiting, self.waiting_rows)

    def catch_up(self, most: int) -> int:
        return 0

    def drain(self, at: datetime) -> Tape:
        counts = Counts(applied=len(self._offsets), dead_lettered=len(self._aside))
        flush = Tape(counts, dead_letters=self._aside, messages=self._messages, offsets=self._offsets)
        self._offsets, self._messages, self._aside = [], [], []
        return flush


class ToyStore:
    """Keeps the offsets as dedupe marks. `before_read` and its like let a test stop the world there."""

    def __init__(self) -> None:
        self.engines: list[ToyEngine] = []
        self.replaced: list[Claim] = []
        self.before_read: Callable[[int], Awaitable[None]] = _at_once
        self.before_open: Callable[[int], Awaitable[None]] = _at_once
        self.unbearable: dict[str, set[int]] = {"apply": set(), "write": set()}
        """Offsets of partition 0 that the engine, or the database, cannot bear."""
        self.before_wakes: Callable[[int], Awaitable[None]] = _at_once

    async def open(self, claim: Claim) -> ToyEngine:
        await self.before_open(claim.partition)
        engine = ToyEngine(claim, self.unbearable)
        self.engines.append(engine)
        return engine

    async def wakes(self, claim: Claim) -> Sequence[Wake]:
        await self.before_wakes(claim.partition)
        return ()

    async def read(self, claim: Claim, keys: int) -> None:
        await self.before_read(keys)

    async def write(self, connection: Any, claim: Claim, flush: Tape) -> None:
        if claim.partition == 0 and self.unbearable["write"].intersection(flush.offsets):
            await connection.execute("SELECT 'this is too much'::int")
        if flush.offsets:
            await connection.execute(
                "INSERT INTO health.dedupe_chunk (slot, event_day, seq, written_on, ids) VALUES ($1, $2, $3, $2, $4)",
                claim.slot,
                DAY,
                claim.flush_seq + 1,
                b"".join(map(an_id, flush.offsets)),
            )

    async def log_replaced(self, connection: Any, claim: Claim) -> None:
        self.replaced.append(claim)


async def _at_once(partition: int) -> None:
    """Stops nobody."""


class Toy:
    """Bus, store and database of a toy, and hands for a test."""

    def __init__(self, databases: Databases, partitions: int = 2, *, going: bool = True) -> None:
        self.databases = databases
        self.partitions = partitions
        self.clock: SetClock = GoingClock(NOON) if going else SetClock(NOON)
        self.bus = MemoryBus({EVENTS: partitions, SCORES: 2}, self.clock)
        self.store = ToyStore()

    def ledger(self, database: Any = None, **over: Any) -> Ledger:
        return Ledger(database or self.databases.health, SLOTS, "toy", self.clock, **over)

    def runner(self, *, group: str = "g", beat: Beat | None = None, **over: Any) -> Runner[int, None, Tape]:
        made: dict[str, Any] = {
            "service": "health",
            "topic": EVENTS,
            "consumer": self.bus.consumer(EVENTS, group),
            "producer": self.bus.producer(),
            "ledger": self.ledger(),
            "store": self.store,
            "clock": self.clock,
            "sends_to": SCORES,
            "beat": beat or Beat(at_least=timedelta(milliseconds=10)),
        }
        return Runner(Stream(**(made | over)))

    async def send(self, partition: int, count: int) -> None:
        await self.bus.producer().send(EVENTS, partition, [Outgoing(None, b"x%d" % i) for i in range(count)])

    async def applied(self, partition: int) -> list[int]:
        """The offsets that were committed, in the order of the flushes."""
        connection = await asyncpg.connect(self.databases.owner_url)
        try:
            rows = await connection.fetch("SELECT ids FROM health.dedupe_chunk WHERE slot = $1 ORDER BY seq", partition)
        finally:
            await connection.close()
        joined = b"".join(row["ids"] for row in rows)
        return [int.from_bytes(joined[i : i + ID_BYTES], "big") for i in range(0, len(joined), ID_BYTES)]

    def told(self, partition: int) -> list[int]:
        """The offsets of which messages reached the bus, by first appearance."""
        found = [int(r.value) for r in self.bus.records(SCORES) if r.key == b"%d" % partition]
        return list(dict.fromkeys(found))

    async def exact(self, partition: int, count: int) -> None:
        """Every offset was applied and told exactly once, in order."""
        assert await self.applied(partition) == list(range(count))
        assert self.told(partition) == list(range(count))


class Running:
    """Runners as tasks that a test can end, and whose death it sees."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[None]] = []

    def start(self, runner: Runner[Any, Any, Any]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(runner.run())
        self.tasks.append(task)
        return task

    async def until(self, true: Callable[[], bool | Awaitable[bool]], seconds: float = 10) -> None:
        """Returns once it is true. Raises: what a runner died of, or TimeoutError."""
        async with asyncio.timeout(seconds):
            while True:
                found = true()
                if found is True or (found is not False and await found):
                    return
                for task in self.tasks:
                    if task.done() and not task.cancelled():
                        task.result()
                await asyncio.sleep(0.005)

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks.clear()
