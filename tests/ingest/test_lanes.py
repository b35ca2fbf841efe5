"""Lanes: one batch in flight for each partition, failures for exactly those whose records failed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from kizashi_common.contracts.envelope import Outgoing
from kizashi_common.errors import Absent, Busy
from kizashi_ingest.adapters.journal import Journal
from kizashi_ingest.adapters.lanes import BATCH_BYTES, Lanes
from kizashi_ingest.domain.intake import Destined


class SlowProducer:
    """Holds every batch until told what becomes of it."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, list[bytes]]] = []
        self.fates: list[asyncio.Future[None]] = []

    def partitions(self, topic: str) -> int:
        if topic != "t":
            raise Absent("no such topic")
        return 4

    async def send(self, topic: str, partition: int, records: Sequence[Outgoing]) -> None:
        self.sent.append((partition, [record.value for record in records]))
        fate = asyncio.get_running_loop().create_future()
        self.fates.append(fate)
        await fate


def record(value: bytes) -> Outgoing:
    return Outgoing(b"k", value)


@asynccontextmanager
async def running() -> AsyncIterator[tuple[Lanes, SlowProducer]]:
    producer = SlowProducer()
    lanes = Lanes(producer)
    task = asyncio.create_task(lanes.run())
    await settle()
    yield lanes, producer
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_comes_while_a_batch_is_away_forms_the_next_one() -> None:
    async with running() as (lanes, producer):
        first = lanes.put("t", 1, [record(b"a")])
        await settle()
        rest = lanes.put("t", 1, [record(b"b")]) + lanes.put("t", 1, [record(b"c"), record(b"d")])
        await settle()
        assert producer.sent == [(1, [b"a"])]
        producer.fates[0].set_result(None)
        await settle()
        assert first[0].done()
        assert producer.sent[1] == (1, [b"b", b"c", b"d"])
        assert not rest[0].done()
        producer.fates[1].set_result(None)
        await settle()
        assert all(ack.done() for ack in rest)


async def test_partitions_do_not_wait_for_each_other() -> None:
    async with running() as (lanes, producer):
        lanes.put("t", 1, [record(b"a")])
        lanes.put("t", 2, [record(b"b")])
        await settle()
        assert producer.sent == [(1, [b"a"]), (2, [b"b"])]
        for fate in producer.fates:
            fate.set_result(None)


async def test_a_failed_send_fails_exactly_its_waiters() -> None:
    async with running() as (lanes, producer):
        lost = lanes.put("t", 1, [record(b"a")])
        await settle()
        kept = lanes.put("t", 1, [record(b"b")])
        producer.fates[0].set_exception(Busy("away"))
        await settle()
        with pytest.raises(Busy):
            lost[0].result()
        producer.fates[1].set_result(None)
        await settle()
        kept[0].result()


async def test_a_batch_stays_near_its_size() -> None:
    async with running() as (lanes, producer):
        lanes.put("t", 0, [record(b"x")])
        await settle()
        big = [record(b"y" * 100_000) for _ in range(10)]
        acks = lanes.put("t", 0, big)
        assert len(acks) > 1
        for i in range(8):
            if i < len(producer.fates):
                producer.fates[i].set_result(None)
            await settle()
        assert all(sum(map(len, values)) <= BATCH_BYTES for _, values in producer.sent)
        assert sum(len(values) for _, values in producer.sent) == 11


async def test_before_the_start_and_after_the_end_nothing_is_taken() -> None:
    lanes = Lanes(SlowProducer())
    with pytest.raises(Busy):
        lanes.put("t", 0, [record(b"a")])
    async with running() as (lanes, _):
        pass
    with pytest.raises(Busy):
        lanes.put("t", 0, [record(b"a")])


async def test_the_end_tells_those_who_still_wait() -> None:
    async with running() as (lanes, _):
        acks = lanes.put("t", 0, [record(b"a")])
        await settle()
        acks += lanes.put("t", 0, [record(b"b")])
    for ack in acks:
        with pytest.raises(Busy):
            ack.result()


async def test_draining_waits_for_what_is_in_flight() -> None:
    async with running() as (lanes, producer):
        lanes.put("t", 0, [record(b"a")])
        await settle()
        draining = asyncio.create_task(lanes.drained())
        await settle()
        assert not draining.done()
        producer.fates[0].set_result(None)
        await draining


async def test_a_request_waits_for_all_its_lanes_and_fails_with_any() -> None:
    async with running() as (lanes, producer):
        journal = Journal(lanes, timedelta(seconds=60))
        settled: list[bool] = []
        records = [Destined("t", Outgoing(f"k{i}".encode(), b"v")) for i in range(40)]
        writing = asyncio.create_task(journal.write(records, lambda: settled.append(True)))
        await settle()
        assert {partition for partition, _ in producer.sent} == {0, 1, 2, 3}
        for fate in producer.fates[1:]:
            fate.set_result(None)
        await settle()
        assert not writing.done()
        assert settled == []
        producer.fates[0].set_exception(Busy("away"))
        with pytest.raises(Busy):
            await writing
        assert settled == [True]


async def test_a_request_that_gives_up_is_settled_only_when_the_log_has_decided() -> None:
    async with running() as (lanes, producer):
        journal = Journal(lanes, timedelta(seconds=0.01))
        settled: list[bool] = []
        with pytest.raises(Busy):
            await journal.write([Destined("t", record(b"v"))], lambda: settled.append(True))
        assert settled == []
        producer.fates[0].set_result(None)
        await settle()
        assert settled == [True]


async def test_nothing_to_write_is_settled_at_once() -> None:
    settled: list[bool] = []
    await Journal(Lanes(SlowProducer()), timedelta(seconds=1)).write([], lambda: settled.append(True))
    assert settled == [True]


async def test_a_topic_nobody_knows_is_settled_and_told() -> None:
    settled: list[bool] = []
    journal = Journal(Lanes(SlowProducer()), timedelta(seconds=1))
    with pytest.raises(Absent):
        await journal.write([Destined("unknown", record(b"v"))], lambda: settled.append(True))
    assert settled == [True]


async def test_it_can_produce_until_nothing_is_acknowledged_any_more() -> None:
    at_once, a_minute = timedelta(0), timedelta(minutes=1)
    async with running() as (lanes, producer):
        for partition, value in ((1, b"a"), (2, b"b"), (2, b"c")):
            lanes.put("t", partition, [record(value)])[0].add_done_callback(asyncio.Future.exception)
            await settle()
        assert lanes.can_produce(at_once), "nothing is known yet"
        producer.fates[0].set_result(None)
        producer.fates[1].set_exception(Busy("away"))
        await settle()
        assert lanes.can_produce(a_minute), "one leader is away, another has just acknowledged"
        assert not lanes.can_produce(at_once)
        producer.fates[2].set_result(None)
        await settle()
        assert lanes.can_produce(at_once)


async def test_a_broker_that_never_acknowledged_is_not_waited_for() -> None:
    async with running() as (lanes, producer):
        lanes.put("t", 1, [record(b"a")])[0].add_done_callback(asyncio.Future.exception)
        await settle()
        producer.fates[0].set_exception(Busy("away"))
        await settle()
        assert not lanes.can_produce(timedelta(minutes=1))
