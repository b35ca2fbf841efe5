"""What PostgreSQL cannot do just now is Busy on every way to it, and no end of whoever asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kizashi_common.db.database import Database
from kizashi_common.db.lines import Lines
from kizashi_common.errors import Busy
from tests.conftest import Databases

ASKED = "SELECT one FROM ingest.round"
TOO_FULL = "DO $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$"


async def ask(database: Database, *statements: str) -> None:
    """These, in one transaction."""
    async with database.transaction() as connection:
        for statement in statements:
            await connection.execute(text(statement))


@pytest.fixture
async def hurried(databases: Databases) -> AsyncIterator[Database]:
    """A way in whose statements may take a tenth of a second."""
    database = Database(databases.urls["ingest"], statement_timeout=timedelta(seconds=0.1))
    yield database
    await database.close()


@pytest.fixture
async def held(databases: Databases) -> AsyncIterator[None]:
    """Somebody holds the table of ingest's rounds."""
    session = await asyncpg.connect(databases.owner_url)
    await session.execute("BEGIN")
    await session.execute("LOCK TABLE ingest.round")
    yield
    session.terminate()


@pytest.mark.usefixtures("held")
async def test_a_statement_that_waits_too_long_is_busy(hurried: Database) -> None:
    with pytest.raises(Busy, match="cannot do this now"):
        await ask(hurried, ASKED)


@pytest.mark.usefixtures("held")
async def test_a_lock_that_is_not_to_be_had_is_busy(databases: Databases) -> None:
    with pytest.raises(Busy, match="cannot do this now"):
        await ask(databases.ingest, "SET LOCAL lock_timeout = '50ms'", ASKED)


async def test_a_full_disk_is_busy(databases: Databases) -> None:
    with pytest.raises(Busy):
        await ask(databases.ingest, TOO_FULL)
    with pytest.raises(Busy):
        async with Lines(databases.ingest, 1, "lines").lend() as line:
            await line.execute(TOO_FULL)


async def test_a_connection_that_does_not_come_free_is_busy(databases: Databases) -> None:
    database = Database(databases.urls["ingest"], pool=1, patience=timedelta(seconds=0.1))
    async with database.transaction():
        with pytest.raises(Busy, match="no connection came free"):
            await ask(database, "SELECT 1")
    await database.close()


async def test_a_deadlock_is_busy_for_one_of_the_two(databases: Databases) -> None:
    async def locks(first: str, second: str, both: asyncio.Barrier) -> None:
        async with databases.ingest.transaction() as connection:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({first})"))
            await both.wait()
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({second})"))

    both = asyncio.Barrier(2)
    ends = await asyncio.gather(locks("1", "2", both), locks("2", "1", both), return_exceptions=True)
    assert [type(end) for end in ends if end is not None] == [Busy]


async def test_a_mistake_of_ours_is_not_busy(databases: Databases) -> None:
    with pytest.raises(DBAPIError, match="no_such_table"):
        await ask(databases.ingest, "SELECT 1 FROM no_such_table")


async def test_a_value_that_does_not_fit_is_no_database_that_is_away(databases: Databases) -> None:
    lines = Lines(databases.ingest, 1, "test")
    with pytest.raises(asyncpg.DataError, match="value out of int32 range"):
        async with lines.lend() as connection:
            await connection.execute("SELECT $1::int", 2**40)
    lines.close()
