"""The second wall between workspaces: PostgreSQL itself shows and lets write nothing of another one.

Every table and view that there is, asked by the one role that answers for people and their programs. A row of `mine` is
put there first, and found by `mine`, so that an empty table cannot pass for a closed one.

Source: GATEWAY.md 2, "Tenancy".
"""

from __future__ import annotations

import re
from typing import Any, Final

import asyncpg
import pytest
from sqlalchemy import CheckConstraint, Column, Table
from sqlalchemy.dialects import postgresql

from kizashi_common.db.tables.metadata import metadata
from kizashi_common.db.views import EVERY, SCHEMA, View
from tests.conftest import Databases

TABLES: Final = [table for table in metadata.sorted_tables if "workspace_id" in table.c]
VIEWS: Final = [view for view in EVERY if view.name not in ("partition", "workspace_progress")]
"""Those two say how far the input of the whole installation is complete, and nothing of anybody."""
STRANGERS: Final = ("other", "")
ROLE: Final = "kizashi_gateway"
VALUES: Final = {
    "TEXT": "x", "UUID": "00000000-0000-0000-0000-000000000001", "BYTEA": "\\x78", "JSONB": "{}", "BOOLEAN": "false",
    "DATE": "2026-11-01", "TIMESTAMP WITH TIME ZONE": "2026-11-01T00:00:00Z",
}  # fmt: skip
POLICY: Final = "(workspace_id = NULLIF(current_setting('kizashi.workspace'::text, true), ''::text))"


def value(column: Column[Any]) -> str:
    """A literal that the column takes; of what a check lists, the first."""
    kind = column.type.compile(postgresql.dialect())
    checks = [str(one.sqltext) for one in column.constraints if isinstance(one, CheckConstraint)]
    listed = [found[1] for check in checks if (found := re.search(r" in \('(\w+)'", check))]
    plain = "{}" if kind.endswith("[]") else VALUES.get(kind, "1")
    return f"'{'mine' if column.name == 'workspace_id' else [*listed, plain][0]}'::{kind}"


def insert(table: Table) -> str:
    """Puts a row of `mine` there."""
    needed = [c for c in table.c if not c.nullable and c.server_default is None and c.identity is None]
    names = ", ".join(column.name for column in needed)
    return f"INSERT INTO {table.fullname} ({names}) VALUES ({', '.join(value(c) for c in needed)})"


async def as_gateway(connection: asyncpg.Connection, workspace: str) -> None:
    await connection.execute(f"SET LOCAL ROLE {ROLE}")
    await connection.execute("SELECT set_config('kizashi.workspace', $1, true)", workspace)


async def touched(connection: asyncpg.Connection, workspace: str, statement: str) -> int:
    """How many rows the statement finds; it is undone."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await as_gateway(connection, workspace)
        return int((await connection.execute(statement)).rpartition(" ")[2])
    finally:
        await transaction.rollback()


@pytest.fixture
async def owner(databases: Databases) -> Any:
    """One who may do everything; foreign keys are not looked at."""
    connection = await asyncpg.connect(databases.owner_url)
    await connection.execute("SET session_replication_role = replica")
    yield connection
    await connection.close()


async def may(owner: asyncpg.Connection, table: Table, verb: str) -> bool:
    return bool(await owner.fetchval("SELECT has_table_privilege($1, $2, $3)", ROLE, table.fullname, verb))


@pytest.mark.parametrize("table", TABLES, ids=str)
async def test_a_foreign_workspace_meets_no_row_of_a_table_and_can_write_none(
    owner: asyncpg.Connection, table: Table
) -> None:
    await owner.execute(insert(table))
    verbs = {
        "SELECT": f"SELECT 1 FROM {table.fullname}",
        "UPDATE": f"UPDATE {table.fullname} SET workspace_id = workspace_id",
        "DELETE": f"DELETE FROM {table.fullname}",
    }
    for verb, statement in verbs.items():
        if await may(owner, table, verb):
            assert await touched(owner, "mine", statement) == 1, verb
            assert [await touched(owner, stranger, statement) for stranger in STRANGERS] == [0, 0], verb
    await owner.execute(f"TRUNCATE {table.fullname} CASCADE")
    if await may(owner, table, "INSERT"):
        assert await touched(owner, "mine", insert(table)) == 1
        for stranger in STRANGERS:
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
                await touched(owner, stranger, insert(table))


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
async def test_a_foreign_workspace_sees_no_row_of_a_view(owner: asyncpg.Connection, view: View) -> None:
    for table in TABLES:
        await owner.execute(insert(table))
    await owner.execute("UPDATE health.document SET kind = 'workspace_settings', state = 'live'")
    statement = f"SELECT 1 FROM {SCHEMA}.{view.name}"
    assert await touched(owner, "mine", statement) == 1
    assert [await touched(owner, stranger, statement) for stranger in STRANGERS] == [0, 0]


async def test_every_policy_of_a_workspace_says_the_same(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch(
        "SELECT schemaname || '.' || tablename AS name, qual, with_check, roles::text[] AS roles FROM pg_policies"
        " WHERE policyname = 'workspace' AND schemaname || '.' || tablename = ANY ($1)",
        [table.fullname for table in TABLES],
    )
    assert {row["name"] for row in rows} == {table.fullname for table in TABLES}
    assert {(row["qual"], row["with_check"], *row["roles"]) for row in rows} == {(POLICY, POLICY, "public")}
