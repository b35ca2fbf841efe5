"""A partition that stopped goes on once a person gave leave: no restart, nothing twice, and no fault excused ahead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import asyncpg
import pytest

from kizashi_cli.reset_log import readers, reset_log
from kizashi_common.contracts.topics import EVENTS, SCORES
from kizashi_common.errors import Absent
from kizashi_common.runtime.service import Service
from kizashi_common.stream.second_look import HOLDS, Leave
from kizashi_health.adapters.packing import unpack_bitmap
from tests.chance import seeded
from tests.conftest import Databases
from tests.health.harness import PARTITIONS, Health, until
from tests.health.truth import Truth, counted
from tests.invariants import HEALTH, watched
from tests.twins.bus import MemoryBus


class Roles:
    """Where the services' roles log in, as the command finds it."""

    def __init__(self, databases: Databases) -> None:
        self._urls = {"health": databases.owner_url, "alerts": databases.owner_url}

    def database_url(self, service: str) -> str:
        return self._urls[service]


@asynccontextmanager
async def at_work(service: Service) -> AsyncIterator[None]:
    """The workers run, whether the service is ready or not."""
    tasks = [asyncio.ensure_future(worker.run()) for worker in service.workers]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def stopped(service: Service) -> None:
    async def all_stopped() -> bool:
        return (service.ready() or "").count("stopped") == PARTITIONS[EVENTS.name]

    await until(all_stopped)


async def ready(service: Service) -> None:
    async def is_ready() -> bool:
        return service.ready() is None

    await until(is_ready, 20)


async def exact(databases: Databases, truth: Truth) -> bool:
    connection = await asyncpg.connect(databases.owner_url)
    try:
        return await counted(connection, unpack_bitmap) == truth.expected()
    finally:
        await connection.close()


def leave(health: Health, *, over_gaps: bool = False) -> Leave:
    return Leave("somebody", health.clock(), over_gaps)


async def test_a_replaced_log_is_read_by_leave_and_what_is_sent_again_counts_once(databases: Databases) -> None:
    health, truth = Health(databases), Truth(seeded("a replaced log"), accounts=12)
    sent = list(truth.events(100))
    async with health.running():
        await health.send(*sent)
    health.bus = MemoryBus(PARTITIONS, health.clock, cluster="another")
    service = health.compose()
    async with watched(databases.owner_url, HEALTH), at_work(service):
        await stopped(service)
        given = await reset_log(Roles(databases), EVENTS.name, leave(health))
        assert given == {"health": list(range(8))}
        await ready(service)
        truth.copies += len(sent)
        await health.send(*sent)
        await health.send(*truth.events(60))
        await service.drains[0].run()
    assert await exact(databases, truth)
    rows = await health.rows("SELECT DISTINCT incarnation, cluster_id, reset_by FROM health.consumer_slot")
    assert [tuple(row) for row in rows] == [(1, "another", "somebody")]


async def test_a_gap_is_passed_only_by_one_who_accepts_it(databases: Databases) -> None:
    health, truth = Health(databases), Truth(seeded("a gap"), accounts=12)
    async with health.running():
        await health.send(*truth.events(100))
    lost = Truth(seeded("lost"), accounts=12)
    await health.send(*lost.events(80))
    await health.beat()
    await health.beat()
    for partition in range(PARTITIONS[EVENTS.name]):
        del health.bus.log[EVENTS.name, partition][:-1]
    service = health.compose()
    async with at_work(service):
        await stopped(service)
        await reset_log(Roles(databases), EVENTS.name, leave(health))
        await asyncio.sleep(6)
        await stopped(service)
        await reset_log(Roles(databases), EVENTS.name, leave(health, over_gaps=True))
        await ready(service)
        await health.send(*truth.events(40))
        await service.drains[0].run()
    assert await exact(databases, truth)


@pytest.mark.parametrize("late", [timedelta(0), HOLDS])
async def test_leave_that_was_given_before_a_fault_excuses_none_after_it(databases: Databases, late: timedelta) -> None:
    health, truth = Health(databases), Truth(seeded("an old leave"), accounts=4)
    async with health.running():
        await health.send(*truth.events(20))
    await reset_log(Roles(databases), EVENTS.name, leave(health))
    health.bus = MemoryBus(PARTITIONS, health.clock, cluster="another")
    if not late:
        async with health.running():
            await health.send(*truth.events(20))
        health.bus = MemoryBus(PARTITIONS, health.clock, cluster="a third")
    health.clock.advance(late)
    service = health.compose()
    async with at_work(service):
        await stopped(service)


async def test_a_topic_that_nobody_counts_and_one_that_was_never_read_are_told_apart(databases: Databases) -> None:
    assert readers(SCORES.name) == ["alerts"]
    health = Health(databases)
    with pytest.raises(Absent, match=r"the topics are kizashi\.events\.v1, kizashi\.scores\.v1"):
        await reset_log(Roles(databases), "kizashi.alerts.v1", leave(health))
    with pytest.raises(Absent, match="was ever read"):
        await reset_log(Roles(databases), EVENTS.name, leave(health))
