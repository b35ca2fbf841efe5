"""One database for all tests that only read keys; who changes sources takes a database of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from kizashi_common.db.database import Database
from tests.conftest import PASSWORD, Server, at_database
from tests.ingest.house import NOW, House, furnish, running
from tests.twins.clock import SetClock


@pytest_asyncio.fixture(scope="session")
async def furnished(postgres: Server) -> AsyncIterator[Database]:
    name = "test_ingest_furnished"
    connection = await asyncpg.connect(postgres.superuser_url)
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE template_kizashi STRATEGY file_copy")
    database = Database(at_database(f"postgresql://kizashi_ingest:{PASSWORD}@{postgres.host_port}/x", name))
    try:
        await furnish(database)
        yield database
    finally:
        await database.close()
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()


@pytest.fixture
def now() -> SetClock:
    return SetClock(NOW)


@pytest_asyncio.fixture
async def house(furnished: Database, now: SetClock) -> AsyncIterator[House]:
    async with running(furnished, now) as found:
        yield found


@pytest_asyncio.fixture(scope="session")
async def standing(furnished: Database) -> AsyncIterator[House]:
    """One house for properties that ask it thousands of things; its bus only grows."""
    ready, done = asyncio.Event(), asyncio.Event()
    kept: list[House] = []

    async def keep() -> None:
        async with running(furnished, SetClock(NOW)) as found:
            kept.append(found)
            ready.set()
            await done.wait()

    task = asyncio.create_task(keep())
    await ready.wait()
    yield kept[0]
    done.set()
    await task
