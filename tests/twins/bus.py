"""The bus in memory: short, and held to the same laws as the real broker (`tests/laws/bus.py`)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from kizashi_common.bus.bus import Extent, Listener
from kizashi_common.contracts.envelope import Outgoing, Record
from kizashi_common.errors import Absent, Busy
from tests.twins.clock import SetClock


class MemoryBus:
    """Partitions as lists. `broken` makes every send and every new connection fail, as a broker that is away would."""

    def __init__(self, partitions: Mapping[str, int], clock: SetClock, cluster: str = "twin") -> None:
        self.counts = dict(partitions)
        self.clock = clock
        self.cluster = cluster
        self.log: dict[tuple[str, int], list[Record]] = defaultdict(list)
        self.members: dict[tuple[str, str], list[MemoryConsumer]] = defaultdict(list)
        self.broken = False
        self.news = asyncio.Event()

    def producer(self) -> MemoryProducer:
        return MemoryProducer(self)

    def consumer(self, topic: str, group: str) -> MemoryConsumer:
        return MemoryConsumer(self, topic, group)

    def records(self, topic: str) -> list[Record]:
        """Everything on a topic, partition by partition."""
        return [record for p in range(self.counts[topic]) for record in self.log[topic, p]]


class MemoryProducer:
    def __init__(self, bus: MemoryBus) -> None:
        self._bus = bus

    def partitions(self, topic: str) -> int:
        if topic not in self._bus.counts:
            raise Absent(f"no topic {topic}")
        return self._bus.counts[topic]

    async def send(self, topic: str, partition: int, records: Sequence[Outgoing]) -> None:
        if self._bus.broken:
            raise Busy("The twin's broker is away.")
        log = self._bus.log[topic, partition]
        for key, value, headers in records:
            # Retention may have taken the first ones: offsets go on, and are never a count.
            offset = log[-1].offset + 1 if log else 0
            log.append(Record(topic, partition, offset, self._bus.clock(), key, value, tuple(headers)))
        self._bus.news.set()


class MemoryConsumer:
    def __init__(self, bus: MemoryBus, topic: str, group: str) -> None:
        self._bus = bus
        self._topic = topic
        self._peers = bus.members[topic, group]
        self._listener: Listener | None = None
        self._assigned: frozenset[int] = frozenset()
        self._offsets: dict[int, int] = {}
        self._paused: set[int] = set()
        self._seen: dict[int, tuple[int, datetime]] = {}
        self.committed: dict[int, int] = {}

    async def start(self, listener: Listener) -> None:
        self._listener = listener
        self._peers.append(self)
        await self._rebalance()

    async def stop(self) -> None:
        if self in self._peers:
            self._peers.remove(self)
            await self._give(frozenset())
            await self._rebalance()

    async def _rebalance(self) -> None:
        count = self._bus.counts[self._topic]
        for peer in self._peers:
            await peer._revoke()
        for i, peer in enumerate(self._peers):
            await peer._give(frozenset(range(i, count, len(self._peers))))

    async def _revoke(self) -> None:
        if self._assigned and self._listener is not None:
            await self._listener.revoked(self._assigned)

    async def _give(self, partitions: frozenset[int]) -> None:
        self._assigned = partitions
        self._paused = set(partitions)
        self._offsets = dict.fromkeys(partitions, 0)
        self._seen = {}
        # A member beyond the partitions is told so too, as by a real group; one that leaves is told nothing.
        if self in self._peers and self._listener is not None:
            await self._listener.assigned(partitions)

    async def cluster_id(self) -> str:
        if self._bus.broken:
            raise Busy("The twin's broker is away.")
        return self._bus.cluster

    def assignment(self) -> frozenset[int]:
        return self._assigned

    async def extent(self, partition: int) -> Extent:
        log = self._bus.log[self._topic, partition]
        return Extent(log[0].offset if log else 0, log[-1].offset + 1 if log else 0)

    async def read_one(self, partition: int, offset: int) -> Record | None:
        return next((r for r in self._bus.log[self._topic, partition] if r.offset == offset), None)

    def seek(self, partition: int, offset: int) -> None:
        self._offsets[partition] = offset

    def pause(self, partitions: Iterable[int]) -> None:
        self._paused |= set(partitions) & self._assigned

    def resume(self, partitions: Iterable[int]) -> None:
        self._paused -= set(partitions)
        self._bus.news.set()

    async def fetch(self, within: timedelta, most: int) -> Mapping[int, Sequence[Record]]:
        found = self._take(most)
        if not found:
            self._bus.news.clear()
            try:
                async with asyncio.timeout(within.total_seconds()):
                    await self._bus.news.wait()
            except TimeoutError:
                return {}
            found = self._take(most)
        return found

    def _take(self, most: int) -> dict[int, list[Record]]:
        found: dict[int, list[Record]] = {}
        for partition in sorted(self._assigned - self._paused):
            log = self._bus.log[self._topic, partition]
            at = self._offsets[partition]
            taken = [record for record in log if record.offset >= at][: max(0, most)]
            self._seen[partition] = (log[-1].offset + 1 if log else 0, self._bus.clock())
            if taken:
                most -= len(taken)
                found[partition] = taken
                self._offsets[partition] = taken[-1].offset + 1
        return found

    def high_water(self, partition: int) -> int | None:
        seen = self._seen.get(partition)
        return None if seen is None else seen[0]

    def last_answer(self, partition: int) -> datetime | None:
        seen = self._seen.get(partition)
        return None if seen is None else seen[1]

    async def commit(self, offsets: Mapping[int, int]) -> None:
        self.committed.update(offsets)
