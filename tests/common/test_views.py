"""The history of migrations makes exactly the declared views."""

from __future__ import annotations

import asyncpg
import pytest

from kizashi_common.db.views import EVERY, SCHEMA, View
from tests.conftest import Databases


async def definition(connection: asyncpg.Connection, name: str) -> str:
    return str(await connection.fetchval("SELECT pg_get_viewdef($1::regclass)", name))


@pytest.mark.parametrize("view", EVERY, ids=lambda view: view.name)
async def test_the_database_shows_what_is_declared(databases: Databases, view: View) -> None:
    connection = await asyncpg.connect(databases.owner_url)
    await connection.execute(f"CREATE TEMPORARY VIEW declared AS {view.sql}")
    assert await definition(connection, f"{SCHEMA}.{view.name}") == await definition(connection, "declared")
    await connection.close()


async def test_nothing_is_shown_that_is_not_declared_and_all_of_it_under_the_readers_own_rights(
    databases: Databases,
) -> None:
    connection = await asyncpg.connect(databases.owner_url)
    rows = await connection.fetch(
        "SELECT relname, 'security_invoker=true' = ANY (reloptions) AS own FROM pg_class"
        f" WHERE relnamespace = '{SCHEMA}'::regnamespace AND relkind = 'v'"
    )
    await connection.close()
    assert {row["relname"]: row["own"] for row in rows} == {view.name: True for view in EVERY}
