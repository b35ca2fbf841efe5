"""The history of migrations makes exactly the declared tables, and every workspace's rows are behind a policy."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from kizashi_common.db.database import Database
from kizashi_common.db.migrate import wanted_revision
from kizashi_common.db.tables import alerts, gateway, health, ingest
from kizashi_common.db.tables.metadata import metadata
from tests.conftest import Databases

DECLARED = (alerts, gateway, health, ingest)


async def test_the_migrated_schema_is_the_declared_one(databases: Databases) -> None:
    engine = create_async_engine(databases.owner_url.replace("postgresql://", "postgresql+asyncpg://"))

    def differences(connection: Any) -> list[Any]:
        context = MigrationContext.configure(
            connection, opts={"include_schemas": True, "include_object": _ours, "compare_server_default": False}
        )
        return list(compare_metadata(context, metadata))

    async with engine.connect() as connection:
        found = await connection.run_sync(differences)
    await engine.dispose()
    assert found == []


def _ours(thing: Any, name: str | None, kind: str, reflected: bool, _: Any) -> bool:
    return not (kind == "table" and name == "alembic_version")


async def test_every_table_with_a_workspace_forces_row_level_security(databases: Databases) -> None:
    connection = await asyncpg.connect(databases.owner_url)
    rows = await connection.fetch(
        "SELECT c.oid::regclass::text AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced"
        " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id'"
        " WHERE c.relkind = 'r' AND NOT a.attisdropped"
    )
    await connection.close()
    declared = {table.fullname for table in metadata.sorted_tables if "workspace_id" in table.c}
    assert {row["name"] for row in rows} == declared
    assert [row["name"] for row in rows if not row["forced"]] == []


@pytest.mark.parametrize(
    "statement", ["DELETE FROM health.fact", "UPDATE alerts.alert SET owner = 'me'", "DELETE FROM gateway.audit"]
)
async def test_the_gateway_may_not_write_what_it_does_not_own_nor_rewrite_its_audit(
    databases: Databases, statement: str
) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with databases.gateway.transaction("mine") as connection:
            await connection.execute(text(statement))


@pytest.mark.parametrize("reader", ["ingest", "health", "alerts"])
async def test_no_service_reads_another_ones_schema(databases: Databases, reader: str) -> None:
    database: Database = getattr(databases, reader)
    foreign = next(name for name in ("alerts", "health", "gateway") if name != reader)
    with pytest.raises(DBAPIError, match="permission denied"):
        async with database.transaction("mine") as connection:
            await connection.execute(
                text(f"SELECT count(*) FROM {foreign}.{'api_key' if foreign == 'gateway' else 'consumer_slot'}")
            )


async def test_the_database_is_at_the_revision_that_the_code_wants(databases: Databases) -> None:
    async with databases.ingest.transaction() as connection:
        found = await connection.execute(text("SELECT version_num FROM kizashi.alembic_version"))
    assert found.scalar_one() == wanted_revision()
    assert len(DECLARED) == 4
