"""Brings a database up to this version: roles, schemas, tables, views, grants. Repeatable.

The login that is handed in must be allowed to create roles; the tables belong to `kizashi_owner`, which nobody logs in
as. The services wait for their revision instead of failing (`wait_for_schema`).

Source: decision 13; OPERATIONS.md 0.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib.resources import files
from typing import Any, Final

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from kizashi_common.contracts.topics import EVENTS
from kizashi_common.db.tables.metadata import ROLES, SCHEMAS
from kizashi_common.errors import Busy

OWNER: Final = "kizashi_owner"
_LOCK: Final = 7_242_001
_PAUSE: Final = 1.0
_AWAY: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
_NOT_THERE: Final = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidSchemaNameError,
    asyncpg.UndefinedTableError,
    asyncpg.InsufficientPrivilegeError,
)
"""Before the first migration roles, database or tables are missing; a wrong password cannot be told from a missing
role, and migrating sets it."""


async def migrate(
    url: str,
    *,
    role_passwords: Mapping[str, str],
    chance: Callable[[int], bytes],
    clock: Callable[[], datetime],
    local: bool,
) -> None:
    """Makes roles and schemas, runs the migrations, and makes the first build.

    Shape: `role_passwords` maps each of `ROLES` to its password. `local` decides the partition count, for life.
    Raises: Busy when the database cannot be reached.
    """
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError) as error:
        raise Busy("The database cannot be reached.") from error
    try:
        # Two at once would both create what is missing; the second waits, and then finds it done.
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await _roles(connection, role_passwords)
        await _schemas(connection)
        await _upgrade(url)
        await _first_build(connection, chance(32), clock(), EVENTS.count(local=local))
    finally:
        await connection.close()


async def _roles(connection: Any, passwords: Mapping[str, str]) -> None:
    present = {row["rolname"] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
    if OWNER not in present:
        await connection.execute(f"CREATE ROLE {OWNER} NOLOGIN")
    await connection.execute(f"GRANT {OWNER} TO CURRENT_USER")
    for role in ROLES:
        if role not in present:
            await connection.execute(f"CREATE ROLE {role} LOGIN")
        if role in passwords:
            await connection.execute(f"ALTER ROLE {role} PASSWORD '{passwords[role].replace(chr(39), chr(39) * 2)}'")


async def _schemas(connection: Any) -> None:
    for schema in ("kizashi", *SCHEMAS):
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {OWNER}")
    for role in ROLES:
        await connection.execute(f"GRANT USAGE ON SCHEMA kizashi, {role.removeprefix('kizashi_')} TO {role}")
    await connection.execute("GRANT USAGE ON SCHEMA read, health, alerts TO kizashi_gateway")


async def _upgrade(url: str) -> None:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1))
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"SET ROLE {OWNER}"))
            await connection.run_sync(_run)
    finally:
        await engine.dispose()


def config() -> Config:
    """Alembic's configuration: the scripts beside this file."""
    made = Config()
    made.set_main_option("script_location", str(files("kizashi_common.db") / "migrations"))
    return made


def _run(connection: Any) -> None:
    made = config()
    made.attributes["connection"] = connection
    command.upgrade(made, "head")


async def _first_build(connection: Any, secret: bytes, at: datetime, partitions: int) -> None:
    await connection.execute(
        "INSERT INTO health.build (build_id, partitions, state, dedupe_key, created_at, activated_at)"
        " VALUES (1, $1, 'active', $2, $3, $3) ON CONFLICT DO NOTHING",
        partitions,
        secret,
        at,
    )


def wanted_revision() -> str:
    """The newest revision that this version of the code knows."""
    head = ScriptDirectory.from_config(config()).get_current_head()
    assert head is not None
    return head


async def wait_for_schema(url: str, say: Callable[[str], None]) -> None:
    """Returns once the database that `url` names has at least this version's schema; says what it waits for, each
    time that changes.

    A newer schema suffices, since a release only adds to it: so the previous image still runs on it.
    Source: OPERATIONS.md 4, "startupz", and 13.
    """
    said = ""
    while True:
        lack = await _lack(url)
        if lack is None:
            return
        if lack != said:
            said = lack
            say(lack)
        await asyncio.sleep(_PAUSE)


async def _lack(url: str) -> str | None:
    wanted = wanted_revision()
    try:
        found = await _revision(url)
    except _NOT_THERE:
        return f"the database has no schema for this service yet, {wanted} is needed: run `kizashi migrate`"
    except _AWAY:
        return "the database cannot be reached"
    if found == wanted or found not in _known_revisions():
        return None
    return f"the schema is at {found}, {wanted} is needed: run `kizashi migrate`"


async def _revision(url: str) -> str | None:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        found: str | None = await connection.fetchval("SELECT version_num FROM kizashi.alembic_version")
    finally:
        await connection.close(timeout=5)
    return found


def _known_revisions() -> frozenset[str | None]:
    """What this code can have come from; None is a database at its very beginning."""
    revisions = ScriptDirectory.from_config(config()).walk_revisions()
    return frozenset((None, *(revision.revision for revision in revisions)))
