"""Heartbeats promise no more than is acknowledged, reach every partition, and lie behind what they speak of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from kizashi_common.contracts.topics import EVENTS, TOPICS
from kizashi_common.db.database import Database
from kizashi_common.errors import Busy
from kizashi_ingest.adapters.journal import Journal
from kizashi_ingest.adapters.lanes import Lanes
from kizashi_ingest.adapters.rounds import RoundStore
from kizashi_ingest.application.heartbeat import Heartbeats
from kizashi_ingest.application.in_flight import InFlight, Room
from tests.conftest import Databases
from tests.ingest.house import NOW, House, furnish, running
from tests.twins.bus import MemoryBus
from tests.twins.clock import SetClock

EVERY = timedelta(seconds=30)


@pytest_asyncio.fixture
async def alone(databases: Databases, now: SetClock) -> AsyncIterator[House]:
    """A house whose database nobody else writes to."""
    await furnish(databases.ingest)
    async with running(databases.ingest, now) as house:
        while len(house.heartbeats()) < 8:
            await asyncio.sleep(0.005)
        yield house


@asynccontextmanager
async def node(database: Database, clock: SetClock) -> AsyncIterator[tuple[Heartbeats, MemoryBus]]:
    """A node of its own, its lanes running and its beats left to the test."""
    bus = MemoryBus({topic.name: topic.count(local=True) for topic in TOPICS}, clock)
    lanes = Lanes(bus.producer())
    journal = Journal(lanes, timedelta(seconds=1))
    running_lanes = asyncio.create_task(lanes.run())
    await asyncio.sleep(0)
    yield Heartbeats(RoundStore(database, "node-1"), journal, InFlight(Room()), clock, EVERY), bus
    running_lanes.cancel()
    await asyncio.gather(running_lanes, return_exceptions=True)


async def test_the_first_round_reaches_every_partition(alone: House) -> None:
    found = alone.heartbeats()
    assert sorted(partition for partition, _ in found) == list(range(8))
    assert {message.data.complete_through for _, message in found} == {NOW}
    assert {message.data.round for _, message in found} == {1}
    assert alone.bus.records(EVENTS.name)[0].key is None


async def test_a_round_opens_once_for_all_nodes_and_only_when_due(databases: Databases, alone: House) -> None:
    store = RoundStore(databases.ingest, "node-2")
    every = timedelta(seconds=300)
    await store.sign(alone.clock(), alone.clock())
    assert await store.open(every, alone.clock()) is None
    alone.clock.advance(every)
    await store.sign(alone.clock(), alone.clock())
    opened = await store.open(every, alone.clock())
    assert opened is not None
    assert opened.number == 2
    assert await RoundStore(databases.ingest, "local").open(every, alone.clock()) is None


async def test_a_round_promises_what_the_slowest_node_can(databases: Databases, alone: House) -> None:
    slow, fast = RoundStore(databases.ingest, "slow"), RoundStore(databases.ingest, "fast")
    later = NOW + timedelta(seconds=310)
    await slow.sign(later - timedelta(seconds=7), later)
    await fast.sign(later, later)
    opened = await fast.open(timedelta(seconds=300), later)
    assert opened is not None
    assert opened.complete_through == later - timedelta(seconds=7)
    assert opened.nodes == 2


async def test_a_node_without_a_sign_for_a_minute_is_forgotten(databases: Databases, alone: House) -> None:
    gone, here = RoundStore(databases.ingest, "gone"), RoundStore(databases.ingest, "here")
    await gone.sign(NOW, NOW)
    later = NOW + timedelta(seconds=400)
    await here.sign(later, later)
    opened = await here.open(timedelta(seconds=300), later)
    assert opened is not None
    assert (opened.complete_through, opened.nodes) == (later, 1)


async def test_while_kafka_is_away_rounds_fail_and_then_go_on(databases: Databases, clock: SetClock) -> None:
    async with node(databases.ingest, clock) as (heartbeats, bus):
        bus.broken = True
        assert await heartbeats.beat() is None
        bus.broken = False
        clock.advance(EVERY)
        opened = await heartbeats.beat()
        assert opened is not None
        assert (opened.number, opened.complete_through) == (2, clock())
        assert len(bus.records(EVENTS.name)) == 8


async def test_while_postgres_is_away_there_are_no_heartbeats(clock: SetClock) -> None:
    database = Database("postgresql://kizashi_ingest:x@127.0.0.1:1/none")
    async with node(database, clock) as (heartbeats, bus):
        assert await heartbeats.beat() is None
        assert bus.records(EVENTS.name) == []
    await database.close()


async def test_a_beat_between_rounds_is_only_a_sign_of_life(databases: Databases, clock: SetClock) -> None:
    async with node(databases.ingest, clock) as (heartbeats, bus):
        assert await heartbeats.beat() is not None
        clock.advance(EVERY / 2)
        assert await heartbeats.beat() is None
        assert len(bus.records(EVENTS.name)) == 8


def test_a_promise_never_passes_a_request_that_is_still_open() -> None:
    house = InFlight(Room())
    first = house.receive(NOW)
    later = NOW + timedelta(seconds=3)
    assert house.promise(later) == first
    second = house.receive(later)
    house.settle(first)
    assert house.promise(later + timedelta(seconds=1)) == second
    house.settle(second)
    assert house.promise(later + timedelta(seconds=2)) == later + timedelta(seconds=2)


def test_a_clock_that_jumps_back_receives_nothing_before_a_promise() -> None:
    house = InFlight(Room())
    promised = house.promise(NOW)
    assert house.receive(NOW - timedelta(hours=1)) == promised
    assert house.promise(NOW - timedelta(hours=1)) == promised


moves = st.lists(st.tuples(st.sampled_from(["receive", "settle", "promise"]), st.integers(-2_000, 5_000)), max_size=60)


@given(moves)
def test_nothing_is_ever_received_before_a_promise_that_was_given(steps: list[tuple[str, int]]) -> None:
    house, clock = InFlight(Room()), NOW
    open_requests: list[datetime] = []
    promised = [NOW - timedelta(days=1)]
    for what, milliseconds in steps:
        clock += timedelta(milliseconds=milliseconds)
        if what == "receive":
            open_requests.append(house.receive(clock))
            assert open_requests[-1] >= promised[-1]
        elif what == "settle" and open_requests:
            house.settle(open_requests.pop(0))
        elif what == "promise":
            promised.append(house.promise(clock))
            assert promised[-1] >= promised[-2]
            assert all(received >= promised[-1] for received in open_requests)


def test_a_house_that_is_not_counted_yet_takes_nobody() -> None:
    with pytest.raises(Busy), InFlight(Room()).request():
        pass


def test_a_full_house_takes_nobody_and_room_comes_back() -> None:
    house = InFlight(Room(requests=1, body_bytes=10, unknown_bytes=5))
    house.is_open = True
    with house.request() as share:
        with pytest.raises(Busy), house.request():
            pass
        with pytest.raises(Busy):
            share.grow(6, is_known=False)
        share.grow(10, is_known=True)
        with pytest.raises(Busy):
            share.grow(1, is_known=True)
    assert house.is_empty
    with house.request() as share:
        share.grow(5, is_known=False)
