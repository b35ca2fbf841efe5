"""Health on the bus twin and a real PostgreSQL, with the hands that a test needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg

from kizashi_common.bus.bus import Consumer
from kizashi_common.contracts import scores
from kizashi_common.contracts.envelope import TRACEPARENT
from kizashi_common.contracts.partitioning import partition_of
from kizashi_common.contracts.topics import EVENTS, SCORES
from kizashi_common.db.database import Database
from kizashi_common.runtime.compose import chance, new_uuid
from kizashi_common.runtime.service import Resources, Service
from kizashi_health.compose import compose
from tests.builders import NOON, a_heartbeat, a_record
from tests.conftest import Databases
from tests.twins.bus import MemoryBus
from tests.twins.clock import GoingClock

PARTITIONS = {EVENTS.name: 8, SCORES.name: 8}
ENVIRONMENT = {
    "KIZASHI_SERVICE_TOKEN": "t",
    "KIZASHI_SCORES_PUBLISH_EVERY_MS": "0",
    "KIZASHI_FLUSH_AT_LEAST_MS": "10",
    "KIZASHI_CENSUS_EVERY_MS": "50",
}


class Health:
    """The service under test. `bus` may be replaced between two runs, as when a broker forgets."""

    def __init__(self, databases: Databases) -> None:
        self.clock = GoingClock(NOON)
        self.bus = MemoryBus(PARTITIONS, self.clock)
        self.databases = databases
        self.beats = 0

    def compose(
        self, *, group: str = "", database: Database | None = None, environment: Mapping[str, str] | None = None
    ) -> Service:
        """The service. `group` is added to the name of its consumer group, so that two can own the same slots."""

        def consumer(topic: str, name: str) -> Consumer:
            return self.bus.consumer(topic, name + group)

        return compose(
            Resources(
                self.bus.producer(),
                consumer,
                database or self.databases.health,
                self.clock,
                chance,
                new_uuid,
                ENVIRONMENT | dict(environment or {}),
            )
        )

    @asynccontextmanager
    async def running(self, service: Service | None = None, *, seconds: float = 10) -> AsyncIterator[Service]:
        """Runs the workers until the block ends and everything is drained. Raises: what a worker died of."""
        async with self.working(service or self.compose(), seconds=seconds) as running:
            yield running
            async with asyncio.timeout(30):
                await running.drains[0].run()

    @asynccontextmanager
    async def working(self, service: Service, *, seconds: float = 10) -> AsyncIterator[Service]:
        """Runs the workers until the block ends, then ends them as they are."""
        tasks = [asyncio.ensure_future(worker.run()) for worker in service.workers]

        async def ready() -> bool:
            for task in tasks:
                if task.done():
                    task.result()
            return service.ready() is None

        try:
            await until(ready, seconds)
            yield service
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task

    async def send(self, *messages: Any, trace: str | None = None) -> None:
        """Appends messages; with `trace`, as ingest does for a recorded request."""
        producer = self.bus.producer()
        for message in messages:
            record = a_record(message)
            if trace is not None:
                record = record._replace(headers=(*record.headers, (TRACEPARENT, trace.encode())))
            partition = partition_of(record.key or b"", 8)
            await producer.send(EVENTS.name, partition, [record])

    async def beat(self) -> None:
        """Proves everything up to now, in every partition."""
        self.beats += 1
        producer = self.bus.producer()
        for partition in range(8):
            await producer.send(EVENTS.name, partition, [a_record(a_heartbeat(self.clock(), self.beats))])

    async def rows(self, sql: str, *args: Any) -> list[Any]:
        connection = await asyncpg.connect(self.databases.owner_url)
        try:
            return list(await connection.fetch(sql, *args))
        finally:
            await connection.close()

    def published(self) -> list[scores.Score]:
        return [scores.decode(record.value) for record in self.bus.records(SCORES.name)]


async def until(true: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    """Returns once it is true. Raises: TimeoutError."""
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.01)
