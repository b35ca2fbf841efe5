"""What every bus obeys, the twin and the real ones: asked of each by `tests/common/bus/test_bus_laws.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from kizashi_common.bus.bus import Consumer, Producer
from kizashi_common.contracts.envelope import Outgoing, Record

SHORT = timedelta(milliseconds=100)
Restart = Callable[[], Consumer]


class Collector:
    """A listener that takes every partition from an offset of its choosing."""

    def __init__(self, consumer: Consumer, start: int = 0) -> None:
        self.consumer = consumer
        self.start = start
        self.partitions: set[int] = set()

    async def assigned(self, partitions: frozenset[int]) -> None:
        self.partitions |= partitions
        for partition in partitions:
            self.consumer.seek(partition, self.start)
        self.consumer.resume(partitions)

    async def revoked(self, partitions: frozenset[int]) -> None:
        self.partitions -= partitions


def numbered(first: int, last: int, key: bytes = b"k") -> list[Outgoing]:
    return [Outgoing(key, b"%d" % i, (("n", b"%d" % i),)) for i in range(first, last)]


async def read(consumer: Consumer, count: int, seconds: float = 20) -> list[Record]:
    found: list[Record] = []
    async with asyncio.timeout(seconds):
        while len(found) < count:
            for records in (await consumer.fetch(SHORT, 1000)).values():
                found.extend(records)
    return found


async def eventually(true: Callable[[], bool], consumer: Consumer, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await consumer.fetch(SHORT, 10)


async def order_is_kept_within_a_partition(producer: Producer, consumer: Consumer, topic: str) -> None:
    for first in range(0, 300, 100):
        await producer.send(topic, 0, numbered(first, first + 100))
    await consumer.start(Collector(consumer))
    found = await read(consumer, 300)
    assert [record.value for record in found] == [b"%d" % i for i in range(300)]
    assert [record.offset for record in found] == list(range(300))
    assert found[7].key == b"k"
    assert dict(found[7].headers)["n"] == b"7"
    assert all(record.at.tzinfo is not None for record in found)


async def nothing_is_delivered_before_seek_and_resume(producer: Producer, consumer: Consumer, topic: str) -> None:
    await producer.send(topic, 0, numbered(0, 20))

    class Silent(Collector):
        async def assigned(self, partitions: frozenset[int]) -> None:
            self.partitions |= partitions

    listener = Silent(consumer)
    await consumer.start(listener)
    await eventually(lambda: 0 in listener.partitions, consumer)
    assert not await consumer.fetch(timedelta(milliseconds=500), 100)
    consumer.seek(0, 12)
    consumer.resume([0])
    found = await read(consumer, 8)
    assert [record.offset for record in found] == list(range(12, 20))


async def a_paused_partition_waits_and_loses_nothing(producer: Producer, consumer: Consumer, topic: str) -> None:
    listener = Collector(consumer)
    await consumer.start(listener)
    await producer.send(topic, 0, numbered(0, 5))
    await read(consumer, 5)
    consumer.pause([0])
    await producer.send(topic, 0, numbered(5, 10))
    await producer.send(topic, 1, numbered(0, 3))
    assert {record.partition for record in await read(consumer, 3)} == {1}
    consumer.resume([0])
    assert [record.value for record in await read(consumer, 5)] == [b"%d" % i for i in range(5, 10)]


async def the_high_water_mark_is_the_end_of_the_log(producer: Producer, consumer: Consumer, topic: str) -> None:
    await producer.send(topic, 0, numbered(0, 7))
    await consumer.start(Collector(consumer))
    await read(consumer, 7)
    await eventually(lambda: consumer.high_water(0) == 7 and consumer.last_answer(0) is not None, consumer)
    assert tuple(await consumer.extent(0)) == (0, 7)
    assert tuple(await consumer.extent(1)) == (0, 0)


async def a_single_record_can_be_read_again(producer: Producer, consumer: Consumer, topic: str) -> None:
    await producer.send(topic, 0, numbered(0, 3))
    await producer.send(topic, 0, numbered(3, 6))
    found = await consumer.read_one(0, 4)
    assert found is not None
    assert (found.offset, found.value) == (4, b"4")
    assert await consumer.cluster_id()


async def large_batches_arrive_whole(producer: Producer, consumer: Consumer, topic: str) -> None:
    # Random-looking, so that compression does not make one batch of what must become several.
    records = [Outgoing(b"k", b"%d:" % i + bytes((i * j) % 251 for j in range(60_000))) for i in range(40)]
    await producer.send(topic, 0, records)
    await consumer.start(Collector(consumer))
    found = await read(consumer, 40, seconds=40)
    assert [record.value.split(b":")[0] for record in found] == [b"%d" % i for i in range(40)]


Law = Callable[[Producer, Consumer, str], Awaitable[None]]

LAWS: Sequence[Law] = (
    order_is_kept_within_a_partition,
    nothing_is_delivered_before_seek_and_resume,
    a_paused_partition_waits_and_loses_nothing,
    the_high_water_mark_is_the_end_of_the_log,
    a_single_record_can_be_read_again,
    large_batches_arrive_whole,
)
