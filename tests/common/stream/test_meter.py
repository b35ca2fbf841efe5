"""How a consumer stands: lag, the age of what is not committed, states; and nothing of a partition that has left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import pytest_asyncio
from prometheus_client.registry import REGISTRY

from kizashi_common.stream.meter import Standing, StreamMeter
from kizashi_common.stream.slot import Beat
from tests.chaos.proxy import proxied
from tests.common.stream.toy import EVENTS, NOON, Running, Toy
from tests.conftest import Databases
from tests.twins.clock import SetClock

SECOND = timedelta(seconds=1)


@dataclass
class AnOutbox:
    waiting: int = 0
    published_through: int = 0


@dataclass
class AClaim:
    next_offset: int = 0


@dataclass
class ASlot:
    """What a meter looks at of a slot."""

    claim: AClaim = field(default_factory=AClaim)
    outbox: AnOutbox = field(default_factory=AnOutbox)
    stuck: object | None = None
    oldest: datetime | None = None
    latest: datetime | None = None


class Ends:
    """A consumer that knows where the logs end."""

    def __init__(self) -> None:
        self.ends: dict[int, int] = {}

    def high_water(self, partition: int) -> int | None:
        return self.ends.get(partition)


class Metered:
    """A meter over partitions that a test moves by hand."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.clock = SetClock(NOON)
        self.ends = Ends()
        self.assigned: set[int] = set()
        self.slots: dict[int, ASlot] = {}
        self.stopped: set[int] = set()
        self.meter = StreamMeter(service, "t", cast("Any", self.ends), self.clock, sends=True)

    def look(self) -> None:
        self.meter.look(Standing(self.assigned, cast("Any", self.slots), self.stopped))

    def after(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        self.look()

    def live(self, partition: int, *, end: int = 0, committed: int = 0) -> ASlot:
        self.assigned.add(partition)
        self.ends.ends[partition] = end
        slot = self.slots[partition] = ASlot(AClaim(committed))
        return slot

    def value(self, name: str, **labels: str) -> float | None:
        return REGISTRY.get_sample_value(f"kizashi_{name}", {"service": self.service, **labels})

    def age(self, partition: int) -> float | None:
        return self.value("consumer_oldest_unprocessed_age_seconds", topic="t", partition=str(partition))

    def lag(self, partition: int) -> float | None:
        return self.value("consumer_lag_records", topic="t", partition=str(partition))


def test_without_lag_nothing_is_old() -> None:
    metered = Metered("idle")
    metered.live(0, end=7, committed=7)
    metered.look()
    metered.after(1_000)
    assert (metered.lag(0), metered.age(0)) == (0, 0)


def test_the_age_is_that_of_the_oldest_applied_record_and_grows_while_it_is_not_committed() -> None:
    metered = Metered("slow")
    slot = metered.live(0, end=9, committed=7)
    slot.oldest, slot.latest = NOON - 5 * SECOND, NOON
    metered.look()
    assert (metered.lag(0), metered.age(0)) == (2, 5)
    metered.after(60)
    assert metered.age(0) == 65
    slot.claim.next_offset, slot.oldest = 9, None
    metered.look()
    assert (metered.lag(0), metered.age(0)) == (0, 0)


def test_what_was_never_taken_is_as_old_as_the_sight_of_it() -> None:
    metered = Metered("blind")
    slot = metered.live(0, end=7, committed=7)
    slot.latest = NOON - timedelta(days=1)
    metered.look()
    metered.ends.ends[0] = 8
    metered.after(1)
    assert metered.age(0) == 0, "yesterday's record says nothing about the one that came just now"
    metered.after(30)
    assert metered.age(0) == 30


def test_in_a_backlog_the_age_follows_what_is_committed() -> None:
    metered = Metered("backlog")
    slot = metered.live(0, end=1_000, committed=0)
    slot.oldest, slot.latest = NOON - timedelta(hours=3), NOON - timedelta(hours=2)
    metered.look()
    assert metered.age(0) == 3 * 3_600
    slot.claim.next_offset, slot.oldest = 500, None
    metered.look()
    assert metered.age(0) == 2 * 3_600


def test_a_partition_that_does_not_come_up_or_has_stopped_ages() -> None:
    metered = Metered("stuck")
    metered.assigned = {0, 1, 2}
    metered.stopped = {1}
    metered.live(2).stuck = object()
    metered.look()
    metered.after(100)
    assert (metered.age(0), metered.age(1)) == (100, 100)
    states = {s: metered.value("consumer_partitions", topic="t", state=s) for s in ("loading", "live", "stopped")}
    assert states == {"loading": 1, "live": 1, "stopped": 1}
    paused = {r: metered.value("consumer_paused_partitions", reason=r) for r in ("loading", "backpressure", "stopped")}
    assert paused == {"loading": 1, "backpressure": 1, "stopped": 1}


def test_draining_is_seen_while_it_lasts() -> None:
    metered = Metered("leaver")
    with metered.meter.draining(0):
        metered.look()
        assert metered.value("consumer_partitions", topic="t", state="draining") == 1
    metered.look()
    assert metered.value("consumer_partitions", topic="t", state="draining") == 0


def test_the_series_of_a_partition_leave_with_it() -> None:
    metered = Metered("shrinking")
    metered.live(0)
    metered.live(1)
    metered.meter.counted(1, (3, 0, 0, 0, 0))
    metered.look()
    records = {"topic": "t", "partition": "1", "outcome": "applied"}
    assert metered.value("consumer_records_total", **records) == 3
    metered.assigned, metered.slots = {0}, {0: metered.slots[0]}
    metered.look()
    assert (metered.lag(0), metered.lag(1), metered.age(1)) == (0, None, None)
    assert metered.value("consumer_records_total", **records) is None
    metered.meter.left()
    assert metered.lag(0) is None


def test_an_outbox_ages_while_nothing_is_acknowledged_and_not_because_more_comes() -> None:
    metered = Metered("teller")
    slot = metered.live(0)
    slot.outbox.waiting = 2
    metered.look()
    metered.after(10)
    assert (metered.value("outbox_pending_rows"), metered.value("outbox_oldest_age_seconds")) == (2, 10)
    slot.outbox.waiting, slot.outbox.published_through = 5, 2
    metered.after(1)
    assert (metered.value("outbox_pending_rows"), metered.value("outbox_oldest_age_seconds")) == (5, 0)
    slot.outbox.waiting, slot.outbox.published_through = 4, 3
    metered.after(7)
    assert metered.value("outbox_oldest_age_seconds") == 7, "a queue that moves slowly is still an old one"
    slot.outbox.waiting = 0
    metered.after(1)
    assert (metered.value("outbox_pending_rows"), metered.value("outbox_oldest_age_seconds")) == (0, 0)


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Running]:
    made = Running()
    yield made
    await made.stop()


async def test_with_the_database_away_lag_and_age_of_a_real_runner_grow_and_then_end(
    databases: Databases, running: Running
) -> None:
    toy = Toy(databases, partitions=1)
    labels = {"service": "health", "topic": EVENTS, "partition": "0"}

    def value(name: str, **more: str) -> float:
        return REGISTRY.get_sample_value(f"kizashi_consumer_{name}", labels | more) or 0.0

    async with proxied(databases.urls["health"]) as (proxy, database):
        runner = toy.runner(ledger=toy.ledger(database), beat=Beat(at_least=timedelta(milliseconds=10)))
        running.start(runner)
        await toy.send(0, 3)
        await running.until(lambda: value("records_total", outcome="applied") == 3)
        proxy.leave()
        await toy.send(0, 4)
        await running.until(lambda: value("lag_records") == 4 and value("oldest_unprocessed_age_seconds") > 2)
        proxy.come_back()
        await running.until(lambda: value("records_total", outcome="applied") == 7)
        await running.until(lambda: value("lag_records") == 0 and value("oldest_unprocessed_age_seconds") == 0)
    await running.stop()
    assert REGISTRY.get_sample_value("kizashi_consumer_lag_records", labels) is None
