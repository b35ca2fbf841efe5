"""Health among zombies, a database that comes and goes, answers that get lost and logs that change: exact throughout.

What must hold is read during every fault and not only after it (HEALTH.md 14).
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from kizashi_common.contracts.envelope import Outgoing
from kizashi_common.contracts.topics import EVENTS
from kizashi_common.db.database import driver_of
from kizashi_common.errors import Busy
from kizashi_common.stream.poison import IN_A_ROW
from kizashi_common.telemetry import metrics
from kizashi_health.adapters.packing import unpack_bitmap
from tests.builders import NOON, an_event
from tests.chance import seeded
from tests.chaos.proxy import Cut, proxied
from tests.conftest import Databases
from tests.health.harness import PARTITIONS, Health, until
from tests.health.truth import Truth, counted
from tests.invariants import HEALTH, broken, watched
from tests.twins.bus import MemoryBus

CUTS = 50


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """Ends the greenlets of what was cut here: collected inside a later `ast.parse` they upset CPython 3.11."""
    yield
    gc.collect()


@pytest.fixture
def health(databases: Databases) -> Health:
    return Health(databases)


async def exact(health: Health, truth: Truth) -> None:
    """Every event was counted once, every copy of it seen as one, and every invariant holds."""
    connection = await asyncpg.connect(health.databases.owner_url)
    try:
        assert await counted(connection, unpack_bitmap) == truth.expected()
        total = await connection.fetchrow(
            "SELECT sum(applied) AS applied, sum(duplicates) AS duplicates FROM health.consumer_slot"
        )
        assert (total["applied"], total["duplicates"]) == (truth.distinct, truth.copies - truth.distinct)
        assert await broken(connection) == []
    finally:
        await connection.close()
    seqs: dict[str, list[int]] = {}
    for score in health.published():
        seqs.setdefault(score.id, []).append(score.seq)
    for seen in seqs.values():
        first = list(dict.fromkeys(seen))
        assert first == list(range(1, len(first) + 1)), "score numbers: dense, and in order of first appearance"


async def applied(health: Health) -> int:
    (row,) = await health.rows(
        "SELECT coalesce(sum(applied + duplicates), 0)::bigint AS applied FROM health.consumer_slot"
    )
    return int(row["applied"])


async def test_two_owners_of_every_slot_fence_each_other_and_the_totals_are_exact(health: Health) -> None:
    truth = Truth(seeded("two owners"))
    fenced = metrics.consumer_fenced_total.labels("health")._value.get()
    one, other = health.compose(), health.compose(group="-zombie")
    async with watched(health.databases.owner_url) as watch, health.working(one):
        await health.send(*truth.events(200))
        async with health.working(other):
            for _ in range(20):
                await health.send(*truth.events(20))
                await asyncio.sleep(0.02)
        await until(lambda: _all(health, truth), 30)
        async with asyncio.timeout(20):
            await one.drains[0].run()
    assert watch.looks > 5
    assert metrics.consumer_fenced_total.labels("health")._value.get() > fenced
    await exact(health, truth)


async def _all(health: Health, truth: Truth) -> bool:
    return await applied(health) == truth.copies


async def test_a_fenced_owner_that_wakes_again_writes_nothing(health: Health) -> None:
    """It was stopped beyond its session: another one has taken over when it goes on with what it had in memory."""
    truth = Truth(seeded("zombie"))
    stopped, rightful = health.compose(), health.compose(group="-rightful")
    runner = stopped.drains[0].run.__self__  # type: ignore[attr-defined]
    async with health.working(stopped):
        await health.send(*truth.events(100))
        await stopped.drains[0].run()
        slots = dict(runner._slots)
        # What SIGSTOP does: the loop stands still with its slots in memory, while the log goes on.
        for slot in slots.values():
            await slot.lock.acquire()
        try:
            async with health.running(rightful):
                await health.send(*truth.events(100))
                # Something for every partition, so that each of the stopped one's slots has a flush to try.
                await health.beat()
            before = await _everything(health)
        finally:
            runner._tenures.clear()
            for slot in slots.values():
                slot.lock.release()
        await until(lambda: _gone(runner))
        assert await _everything(health) == before
    await exact(health, truth)


async def _gone(runner: Any) -> bool:
    return not runner._slots


async def _everything(health: Health) -> list[Any]:
    tables = ("flush_log", "account", "account_day", "account_user", "dedupe_chunk", "account_card", "account_score")
    return [
        [tuple(row) for row in await health.rows(f"SELECT * FROM health.{table} t ORDER BY t::text")]
        for table in tables
    ]


async def test_fifty_commits_in_doubt_are_neither_lost_nor_doubled(health: Health, databases: Databases) -> None:
    chance = seeded("commits in doubt")
    truth = Truth(chance)

    async with proxied(databases.urls["health"]) as (proxy, database), watched(databases.owner_url) as watch:

        def decide() -> Cut | None:
            if len(proxy.cuts) >= CUTS or chance.random() < 0.3:
                return None
            return chance.choice((Cut.UNSENT, Cut.IN_FLIGHT, Cut.UNANSWERED, Cut.UNANSWERED))

        async with health.running(health.compose(database=database)) as service:
            proxy.decide = decide
            async with asyncio.timeout(60):
                while len(proxy.cuts) < CUTS:
                    await health.send(*truth.events(8))
                    await asyncio.sleep(0.02)
                await service.drains[0].run()
        assert len(proxy.cuts) == CUTS
        assert set(proxy.cuts) == set(Cut)
    assert watch.looks > 20
    await exact(health, truth)


async def test_a_database_that_is_away_for_some_seconds_holds_up_counting_and_nothing_else(
    health: Health, databases: Databases
) -> None:
    truth = Truth(seeded("database away"))
    turned = metrics.consumer_last_poll_timestamp_seconds.labels("health")
    async with (
        proxied(databases.urls["health"]) as (proxy, database),
        watched(databases.owner_url),
        health.running(health.compose(database=database)) as service,
    ):
        await health.send(*truth.events(200))
        await service.drains[0].run()
        proxy.leave()
        before = await applied(health)
        turns = set()

        async def goes_on_fetching() -> bool:
            turns.add(turned._value.get())
            return len(turns) >= 4

        for _ in range(25):
            await health.send(*truth.events(40))
            await asyncio.sleep(0.1)
        await until(goes_on_fetching, 20)
        assert await applied(health) == before
        proxy.come_back()
        await until(lambda: _all(health, truth), 20)
    await exact(health, truth)


async def test_a_database_that_is_away_at_start_is_waited_for(health: Health, databases: Databases) -> None:
    truth = Truth(seeded("away at start"))
    async with proxied(databases.urls["health"]) as (proxy, database):
        proxy.leave()
        service = health.compose(database=database)
        await health.send(*truth.events(50))

        async def back() -> None:
            await asyncio.sleep(0.6)
            assert service.ready() is not None
            proxy.come_back()

        async with asyncio.TaskGroup() as group:
            group.create_task(back())
            async with health.running(service, seconds=20):
                pass
    await exact(health, truth)


async def test_connections_that_are_cut_anywhere_lose_and_double_nothing(health: Health, databases: Databases) -> None:
    chance = seeded("cut anywhere")
    truth = Truth(chance)
    async with (
        proxied(databases.urls["health"]) as (proxy, database),
        watched(databases.owner_url),
        health.running(health.compose(database=database)),
    ):
        for _ in range(25):
            await health.send(*truth.events(20))
            await asyncio.sleep(chance.random() * 0.06)
            proxy.drop()
    await exact(health, truth)


async def test_servers_that_shut_every_session_lose_and_double_nothing(health: Health, databases: Databases) -> None:
    """What a restart of PostgreSQL does to its clients: each session ends with an error that says so."""
    chance = seeded("sessions shut")
    truth = Truth(chance)
    shutting = await asyncpg.connect(databases.owner_url)
    try:
        async with watched(databases.owner_url), health.running():
            for _ in range(25):
                await health.send(*truth.events(20))
                await asyncio.sleep(chance.random() * 0.06)
                await shutting.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE usename = 'kizashi_health' AND datname = current_database()"
                )
    finally:
        await shutting.close()
    await exact(health, truth)


async def test_a_transaction_that_loses_its_connection_anywhere_says_busy_and_nothing_else(
    databases: Databases,
) -> None:
    chance = seeded("transactions cut")
    said = 0
    async with proxied(databases.urls["health"]) as (proxy, database), asyncio.TaskGroup() as group:

        async def cut() -> None:
            for _ in range(60):
                await asyncio.sleep(chance.random() * 0.01)
                proxy.drop()

        cutting = group.create_task(cut())
        while not cutting.done():
            try:
                async with database.transaction() as connection:
                    await connection.execute(text("SELECT 1"))
                    raw = await driver_of(connection)
                    await raw.fetch("SELECT 1")
            except Busy:
                said += 1
    assert said > 0


async def test_an_end_at_any_moment_is_made_good_by_the_next_start(health: Health) -> None:
    chance = seeded("ends at any moment")
    truth = Truth(chance)
    async with watched(health.databases.owner_url) as watch:
        for _ in range(12):
            async with health.working(health.compose()):
                for _ in range(chance.randrange(5)):
                    await health.send(*truth.events(15))
                    await asyncio.sleep(chance.random() * 0.02)
        async with health.running():
            pass
    assert watch.looks > 10
    await exact(health, truth)


async def test_a_broker_that_forgot_is_followed_and_what_is_sent_again_counts_once(health: Health) -> None:
    chance = seeded("a forgetful broker")
    truth = Truth(chance, accounts=12)
    sent = list(truth.events(150))
    async with health.running():
        await health.send(*sent)
    scores = {score.id: score.seq for score in health.published()}
    health.bus = MemoryBus(PARTITIONS, health.clock, cluster="another")
    volatile = {"KIZASHI_KAFKA_PROFILE": "volatile"}
    async with watched(health.databases.owner_url):
        async with health.running(health.compose(environment=volatile)):
            truth.copies += len(sent)
            await health.send(*sent)
            await health.send(*truth.events(100))
        (row,) = await health.rows("SELECT min(incarnation), max(incarnation) FROM health.consumer_slot")
        assert tuple(row) == (1, 1)
    connection = await asyncpg.connect(health.databases.owner_url)
    try:
        assert await counted(connection, unpack_bitmap) == truth.expected()
    finally:
        await connection.close()
    again = {score.id: score.seq for score in health.published()}
    assert all(again[account] > seq for account, seq in scores.items() if account in again)


async def test_scores_that_rested_in_a_forgotten_log_are_told_again_though_nothing_comes(health: Health) -> None:
    async with health.running():
        await health.send(*(an_event(f"e{i}", f"account-{i}") for i in range(30)))
    scores = {score.id: score.seq for score in health.published()}
    health.bus = MemoryBus(PARTITIONS, health.clock, cluster="another")
    async with health.running(health.compose(environment={"KIZASHI_KAFKA_PROFILE": "volatile"})):
        await until(lambda: _no_wakes(health))
        await health.beat()
        await until(lambda: _tells(health, scores), 5)


async def test_accounts_that_were_stale_at_a_crash_are_scored_after_it_though_nothing_comes(health: Health) -> None:
    async with health.running():
        await health.send(*(an_event(f"e{i}", f"account-{i}") for i in range(30)))
    scores = {score.id: score.seq for score in health.published()}
    await health.rows("UPDATE health.account SET stale_since = $1", NOON)
    async with health.running() as service:
        await service.drains[0].run()
        await health.beat()
        await until(lambda: _tells(health, {account: seq + 1 for account, seq in scores.items()}), 5)
    assert not await health.rows("SELECT 1 FROM health.account WHERE stale_since IS NOT NULL")


async def _no_wakes(health: Health) -> bool:
    return not await health.rows("SELECT 1 FROM health.wake")


async def _tells(health: Health, least: dict[str, int]) -> bool:
    said = {score.id: score.seq for score in health.published()}
    return all(said.get(account, 0) >= seq for account, seq in least.items())


async def test_a_replaced_log_stops_the_partitions_of_a_broker_that_does_not_forget(health: Health) -> None:
    async with health.running():
        await health.send(*(an_event(f"e{i}", f"account-{i}") for i in range(30)))
    health.bus = MemoryBus(PARTITIONS, health.clock, cluster="another")
    service = health.compose()
    tasks = [asyncio.ensure_future(worker.run()) for worker in service.workers]
    try:
        await until(lambda: _says(service, "stopped"))
        await health.send(an_event("lost"))
        before = await applied(health)
        await asyncio.sleep(0.3)
        assert await applied(health) == before == 30
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _says(service: Any, word: str) -> bool:
    return word in (service.ready() or "")


async def test_what_is_read_during_the_load_is_whole_at_every_instant(health: Health) -> None:
    truth = Truth(seeded("during the load"))
    async with watched(health.databases.owner_url, HEALTH, every=0) as watch, health.running():
        for _ in range(30):
            await health.send(*truth.events(60))
            await asyncio.sleep(0.02)
            if truth.copies % 600 == 0:
                await health.beat()
                health.clock.advance(timedelta(hours=7))
    assert watch.looks > 20
    assert len(health.bus.records(EVENTS.name)) > truth.copies
    (row,) = await health.rows("SELECT sum(applied) AS applied, sum(control) AS control FROM health.consumer_slot")
    assert (row["applied"], row["control"]) == (truth.distinct, len(health.bus.records(EVENTS.name)) - truth.copies)


async def test_a_thousand_senseless_records_stop_a_partition_though_heartbeats_come_in_between(health: Health) -> None:
    async with health.working(health.compose()) as service:
        for _ in range(IN_A_ROW // 200):
            await health.bus.producer().send(EVENTS.name, 0, [Outgoing(b"nobody", b"\xff")] * 200)
            await health.beat()
            await until(lambda: _all_decided(health), 20)
        await until(lambda: _says(service, "stopped"), 20)
    rows = await health.rows("SELECT dead_lettered, control FROM health.consumer_slot WHERE part = 0")
    assert [tuple(row) for row in rows] == [(IN_A_ROW, IN_A_ROW // 200)]


async def _all_decided(health: Health) -> bool:
    (row,) = await health.rows("SELECT next_offset FROM health.consumer_slot WHERE part = 0")
    return bool(row["next_offset"] == len(health.bus.log[EVENTS.name, 0]))
