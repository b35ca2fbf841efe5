"""Committed messages reach the bus in order, and stay until the bus has acknowledged every one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi_common.contracts.envelope import Outgoing
from kizashi_common.contracts.partitioning import partition_of
from kizashi_common.errors import Busy
from kizashi_common.stream.slot_outbox import Numbered, SlotOutbox
from tests.twins.bus import MemoryBus
from tests.twins.clock import SetClock

LANES = 4
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def a_bus() -> MemoryBus:
    return MemoryBus({"scores": LANES}, SetClock(NOON))


def numbered(first: int, last: int) -> list[Numbered]:
    return [Numbered(seq, Outgoing(b"k%d" % (seq % 7), b"%d" % seq)) for seq in range(first, last)]


def first_appearances(bus: MemoryBus) -> dict[int, list[int]]:
    """By lane, the numbers in the order in which each was first seen: what a reader that drops repeats has."""
    return {lane: list(dict.fromkeys(int(r.value) for r in bus.log["scores", lane])) for lane in range(LANES)}


class Flaky:
    """A producer of the twin that fails when its script says so: before the log has the records, or after."""

    def __init__(self, bus: MemoryBus, script: Sequence[str]) -> None:
        self._producer = bus.producer()
        self._script = list(script)

    def partitions(self, topic: str) -> int:
        return self._producer.partitions(topic)

    async def send(self, topic: str, partition: int, records: Sequence[Outgoing]) -> None:
        what = self._script.pop(0) if self._script else "sent"
        if what == "refused":
            raise Busy("before")
        await self._producer.send(topic, partition, records if what != "torn" else records[: len(records) // 2])
        if what in ("lost", "torn"):
            raise Busy("after")


@given(
    st.lists(st.integers(0, 9), max_size=6),
    st.lists(st.sampled_from(["sent", "refused", "lost", "torn"]), max_size=20),
)
async def test_every_message_arrives_and_first_appearances_are_in_order(sizes: list[int], script: list[str]) -> None:
    bus = a_bus()
    outbox = SlotOutbox(Flaky(bus, script), "scores", [], 0)
    seq = 1
    for size in sizes:
        outbox.committed(numbered(seq, seq + size))
        seq += size
        try:
            await outbox.publish()
        except Busy:
            assert outbox.waiting
    while outbox.waiting:
        try:
            await outbox.publish()
        except Busy:
            continue
    assert outbox.published_through == seq - 1
    seen = first_appearances(bus)
    assert sorted(number for lane in seen.values() for number in lane) == list(range(1, seq))
    for lane, numbers in seen.items():
        assert numbers == sorted(numbers)
        assert all(partition_of(b"k%d" % (number % 7), LANES) == lane for number in numbers)


async def test_what_an_earlier_owner_left_goes_first() -> None:
    bus = a_bus()
    outbox = SlotOutbox(bus.producer(), "scores", numbered(4, 8), 3)
    outbox.committed(numbered(8, 10))
    await outbox.publish()
    assert outbox.published_through == 9
    assert all(numbers == sorted(numbers) for numbers in first_appearances(bus).values())
    assert sorted(int(r.value) for r in bus.records("scores")) == list(range(4, 10))


async def test_nothing_waits_and_nothing_moves_when_there_is_nothing_to_send() -> None:
    outbox = SlotOutbox(a_bus().producer(), "scores", [], 17)
    await outbox.publish()
    assert (outbox.published_through, outbox.waiting) == (17, 0)


class Slow:
    """One lane fails at once, the others only answer when they are told to; counts the sends in flight per lane."""

    def __init__(self, bus: MemoryBus, failing: int) -> None:
        self._producer = bus.producer()
        self._failing = failing
        self.go = asyncio.Event()
        self.flying: set[int] = set()

    def partitions(self, topic: str) -> int:
        return self._producer.partitions(topic)

    async def send(self, topic: str, partition: int, records: Sequence[Outgoing]) -> None:
        assert partition not in self.flying, "two sends of one lane are in flight"
        self.flying.add(partition)
        try:
            if partition == self._failing:
                raise Busy("at once")
            await self.go.wait()
            await self._producer.send(topic, partition, records)
        finally:
            self.flying.discard(partition)


async def test_one_lanes_failure_does_not_leave_the_sends_of_other_lanes_flying() -> None:
    bus = a_bus()
    messages = numbered(1, 30)
    failing = partition_of(messages[0].message.key or b"", LANES)
    producer = Slow(bus, failing)
    outbox = SlotOutbox(producer, "scores", messages, 0)
    publishing = asyncio.ensure_future(outbox.publish())
    for _ in range(10):
        await asyncio.sleep(0)
    assert producer.flying
    assert not publishing.done()
    producer.go.set()
    with pytest.raises(Busy):
        await publishing
    assert not producer.flying
    assert outbox.waiting == len(messages)
