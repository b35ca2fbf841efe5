"""Statements get few names without a list, failures a closed reason, and the clock an offset."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from prometheus_client.registry import REGISTRY
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from kizashi_common.db.clock_offset import ClockOffset
from kizashi_common.db.database import Database
from kizashi_common.db.lines import Lines
from kizashi_common.db.meter import MOST_NAMES, Meter, name_of, reason_of
from kizashi_common.errors import Busy
from tests.conftest import Databases
from tests.twins.clock import SetClock

NOWHERE = "postgresql://kizashi_health:x@127.0.0.1:1/none"


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"kizashi_{name}", labels) or 0.0


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("SELECT a, b FROM health.wake WHERE slot = $1", "read_wake"),
        ("SELECT next_position FROM alerts.event_relay WHERE name = $1 FOR UPDATE", "read_event_relay"),
        ("INSERT INTO health.account (slot) SELECT slot FROM staging_account ON CONFLICT DO NOTHING", "write_account"),
        ("UPDATE ONLY health.consumer_slot SET epoch = epoch + 1", "write_consumer_slot"),
        ("DELETE FROM alerts.delivery WHERE at < $1", "write_delivery"),
        ("WITH gone AS (DELETE FROM gateway.session RETURNING id) SELECT count(*) FROM gone", "write_session"),
        ("WITH RECURSIVE d AS (SELECT 1 FROM health.dedupe_chunk) SELECT * FROM d", "read_dedupe_chunk"),
        (
            "WITH due AS (SELECT id FROM alerts.delivery d FOR UPDATE OF d SKIP LOCKED)"
            " UPDATE alerts.lease SET at = $1 FROM due",
            "write_lease",
        ),
        ("SELECT f.* FROM unnest($1::int[]) AS m JOIN health.flush_log f ON f.slot = m.slot", "read_flush_log"),
        ("  -- why\n select x from read.account_card", "read_account_card"),
        ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;", "begin"),
        ("COMMIT;", "commit"),
        ("ROLLBACK;", "rollback"),
        ("SELECT set_config('kizashi.workspace', $1, true)", "other"),
        ("CREATE TEMP TABLE staging_account (LIKE health.account)", "other"),
        (";", "other"),
        ("", "other"),
    ],
)
def test_a_statement_is_named_by_whether_it_writes_and_where(statement: str, name: str) -> None:
    assert name_of(statement) == name


def test_names_are_bounded_whatever_is_asked() -> None:
    meter = Meter("bounded")
    for i in range(3 * MOST_NAMES):
        meter.statement(f"SELECT x FROM table_{i}", 0.001)
    named = {
        sample.labels["query"]
        for family in REGISTRY.collect()
        if family.name == "kizashi_db_query_seconds"
        for sample in family.samples
        if sample.labels["service"] == "bounded"
    }
    assert len(named) == MOST_NAMES
    assert "other" in named


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (asyncpg.DeadlockDetectedError(), "deadlock"),
        (asyncpg.UniqueViolationError(), "constraint"),
        (asyncpg.QueryCanceledError(), "timeout"),
        (TimeoutError(), "timeout"),
        (ConnectionResetError(), "connect"),
        (asyncpg.AdminShutdownError(), "connect"),
        (asyncpg.TooManyConnectionsError(), "connect"),
        (asyncpg.UndefinedTableError(), "other"),
        (IntegrityError("INSERT", {}, asyncpg.UniqueViolationError()), "constraint"),
        (ValueError(), "other"),
    ],
)
def test_an_error_has_a_closed_reason_through_every_wrapping(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason


def test_a_statement_that_was_given_up_is_no_failure() -> None:
    Meter("patient").failed(asyncio.CancelledError())
    assert sum(value("db_errors_total", service="patient", reason=reason) for reason in ("other", "timeout")) == 0


async def test_a_database_that_is_away_counts_as_connect() -> None:
    database = Database(NOWHERE, service="alone")
    with pytest.raises(Busy):
        async with database.transaction():
            pass
    with pytest.raises(Busy):
        await database.connect()
    assert value("db_errors_total", service="alone", reason="connect") == 2
    await database.close()


async def test_both_ways_into_postgresql_are_measured(databases: Databases) -> None:
    database = Database(databases.urls["health"], service="both", pool=2)
    lines = Lines(database, 2, "rows")
    async with database.transaction() as connection:
        await connection.execute(text("SELECT * FROM health.wake"))
        assert value("db_pool_connections", service="both", pool="requests", state="used") == 1
        with pytest.raises(DBAPIError):
            await connection.execute(text("SELECT * FROM health.nothing_of_the_kind"))
    async with lines.lend() as raw:
        await raw.fetch("SELECT * FROM health.wake")
        assert value("db_pool_connections", service="both", pool="rows", state="used") == 1
    await asyncio.sleep(0)
    assert value("db_query_seconds_count", service="both", query="read_wake") == 2
    assert value("db_errors_total", service="both", reason="other") == 1
    assert value("db_pool_connections", service="both", pool="requests", state="idle") == 1
    assert value("db_pool_connections", service="both", pool="rows", state="idle") == 1
    assert value("db_pool_acquire_seconds_count", service="both", pool="requests") == 1
    assert value("db_pool_acquire_seconds_count", service="both", pool="rows") == 1
    lines.close()
    assert value("db_pool_connections", service="both", pool="rows", state="idle") == 0
    await database.close()


async def test_the_clock_is_held_against_the_databases(databases: Databases) -> None:
    async with databases.health.transaction() as connection:
        theirs = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    await ClockOffset(databases.health, SetClock(theirs - timedelta(hours=1)), "clocked").look()
    assert value("clock_offset_seconds", service="clocked", against="postgres") == pytest.approx(-3_600, abs=30)
