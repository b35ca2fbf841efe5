"""What can be done to a product that runs, and undone: to whole processes, and to what they rely on.

Each is a pair of a strike and its healing. Locks and rights stand for what a person or a broken tool does to a database
that is otherwise well, which no signal to a process can imitate.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, NamedTuple

import asyncpg
import httpx2
from aiokafka import AIOKafkaProducer

from kizashi_common.bus.kafka import ensure_topics
from kizashi_common.bus.kafka_settings import KafkaSettings
from kizashi_common.bus.topic_plan import TopicPlan
from kizashi_common.contracts.topics import TOPICS
from tests.drills.drill import Act
from tests.drills.plant import Plant

STILL_SECONDS: Final = 1.5
GOING_SECONDS: Final = 0.5

_ADD_A_DAY: Final = """
WITH added AS (
    INSERT INTO health.account_day
        (slot, account_id, day, workspace_id, events, human, logins, anonymous, users, feats, sources)
    SELECT slot, account_id, DATE '2020-01-01', workspace_id, 1, 1, 1, 0, users, feats, sources
    FROM health.account_day WHERE workspace_id = 'main' LIMIT 1
    RETURNING slot, workspace_id, day
)
INSERT INTO health.slot_day (slot, workspace_id, day, active_accounts, events)
SELECT slot, workspace_id, day, 1, 1 FROM added
"""
_TAKE_IT_AWAY: Final = """
WITH taken AS (DELETE FROM health.account_day WHERE day = DATE '2020-01-01')
DELETE FROM health.slot_day WHERE day = DATE '2020-01-01'
"""

POISON: Final = 1_200
"""Records that nobody can read, one after the other: more than the limit in a row."""


class Fault(NamedTuple):
    """How it is done, and undone."""

    strike: Act
    heal: Act


def frozen(name: str) -> Fault:
    """SIGSTOP: it keeps its connections and says nothing any more."""

    async def strike(plant: Plant) -> None:
        plant.signal(name, signal.SIGSTOP)

    async def heal(plant: Plant) -> None:
        plant.signal(name, signal.SIGCONT)

    return Fault(strike, heal)


def stopped(name: str) -> Fault:
    """An orderly stop, and nobody starts it again for a while."""

    async def strike(plant: Plant) -> None:
        await plant.stop_process(name)

    async def heal(plant: Plant) -> None:
        await plant.start_again(name)

    return Fault(strike, heal)


def killed(name: str) -> Fault:
    """`kill -9`, and nobody starts it again for a while."""

    async def strike(plant: Plant) -> None:
        await plant.kill_process(name)

    async def heal(plant: Plant) -> None:
        await plant.start_again(name)

    return Fault(strike, heal)


def held(*statements: str) -> Fault:
    """A session runs these and neither commits nor ends: its locks stand."""
    sessions: list[asyncpg.Connection[Any]] = []

    async def strike(plant: Plant) -> None:
        session = await plant.connect()
        sessions.append(session)
        await session.execute("BEGIN")
        for statement in statements:
            await session.execute(statement)

    async def heal(_: Plant) -> None:
        session = sessions.pop()
        await session.execute("ROLLBACK")
        await session.close()

    return Fault(strike, heal)


def done(strike_with: str, heal_with: str) -> Fault:
    """One statement, and one that takes it back."""

    async def strike(plant: Plant) -> None:
        await plant.execute(strike_with)

    async def heal(plant: Plant) -> None:
        await plant.execute(heal_with)

    return Fault(strike, heal)


def tampered() -> Fault:
    """Somebody adds a day of use by hand: one that no event can reach, so that no flush writes over it."""
    return done(_ADD_A_DAY, _TAKE_IT_AWAY)


async def nothing(_: Plant) -> None:
    """There is nothing to undo, or nothing can be."""


async def ask_for_a_write(plant: Plant) -> None:
    """A person's write through the gateway, whose answer does not matter."""
    headers = {"authorization": f"Bearer {plant.first['admin_key']}"}
    async with httpx2.AsyncClient(base_url=plant.url("gateway"), headers=headers, timeout=10) as client:
        with suppress(httpx2.HTTPError):
            await client.post("/v1/api-keys", json={"name": "drill", "scopes": ["accounts:read"]})


def without_audit() -> Fault:
    """The gateway may not write its audit log any more, and somebody acts."""
    rights = done(
        "REVOKE INSERT ON gateway.audit FROM kizashi_gateway",
        "GRANT INSERT ON gateway.audit TO kizashi_gateway",
    )

    async def strike(plant: Plant) -> None:
        await rights.strike(plant)
        await ask_for_a_write(plant)

    return Fault(strike, rights.heal)


def poisoned(partition: int = 0) -> Fault:
    """Records without sense fill a partition of the events, past every door of ours."""

    async def strike(plant: Plant) -> None:
        assert plant.broker is not None
        producer = AIOKafkaProducer(bootstrap_servers=plant.broker.bootstrap)
        await producer.start()
        try:
            sent = [
                await producer.send("kizashi.events.v1", b"\xff", key=b"nobody", partition=partition)
                for _ in range(POISON)
            ]
            await asyncio.gather(*sent)
        finally:
            await producer.stop()

    return Fault(strike, nothing)


async def replace_the_log(plant: Plant) -> None:
    """The broker comes back empty, as after the loss of its disk."""
    await plant.kill_process("broker")
    shutil.rmtree(plant.data / "kafka")
    await plant.start_broker()
    assert plant.broker is not None
    await ensure_topics(KafkaSettings(plant.broker.bootstrap, "drill"), TOPICS, TopicPlan(1), manage=True)


def stuttering(name: str) -> Fault:
    """It stands still most of the time and goes on for a moment: neither dead nor fit to work with."""
    at_it: list[asyncio.Task[None]] = []

    async def stutter(plant: Plant) -> None:
        while True:
            plant.signal(name, signal.SIGSTOP)
            await asyncio.sleep(STILL_SECONDS)
            plant.signal(name, signal.SIGCONT)
            await asyncio.sleep(GOING_SECONDS)

    async def strike(plant: Plant) -> None:
        at_it.append(asyncio.create_task(stutter(plant)))

    async def heal(plant: Plant) -> None:
        task = at_it.pop()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        plant.signal(name, signal.SIGCONT)

    return Fault(strike, heal)


def names(listed: Iterable[str]) -> frozenset[str]:
    """Alert names with the prefix that all have."""
    return frozenset(f"Kizashi{name}" for name in listed)
