"""The account that migrates on Kubernetes is no superuser: it may make roles and owns the database (decision 0042)."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from kizashi_common.db.migrate import migrate, wanted_revision
from kizashi_common.db.tables.metadata import ROLES
from kizashi_local.postgres import start_postgres
from tests.conftest import PASSWORD, START, at_database
from tests.ops.k8s.overlay import rendered
from tests.ports import free_port

pytestmark = pytest.mark.postgres
MIGRATOR = "kizashi_migrator"


@pytest_asyncio.fixture
async def fresh() -> AsyncIterator[str]:
    """A server without any role of ours, and in it what the operator makes: the migrating account and its database."""
    data = Path(tempfile.mkdtemp(prefix="kizashi-roles-"))
    server = await start_postgres(data, free_port(), fsync=False)
    url = server.superuser_url("postgres")
    try:
        connection = await asyncpg.connect(url)
        await connection.execute(f"CREATE ROLE {MIGRATOR} LOGIN CREATEROLE PASSWORD '{PASSWORD}'")
        await connection.execute(f"CREATE DATABASE kizashi OWNER {MIGRATOR}")
        await connection.close()
        yield url
    finally:
        await server.stop()
        shutil.rmtree(data, ignore_errors=True)


async def migrated(url: str, password: str) -> None:
    await migrate(
        url, role_passwords=dict.fromkeys(ROLES, password), chance=os.urandom, clock=lambda: START, local=False
    )


async def test_an_account_that_is_no_superuser_migrates_and_sets_new_passwords(fresh: str) -> None:
    host = fresh.rsplit("@", 1)[1].rsplit("/", 1)[0]
    own = f"postgresql://{MIGRATOR}:{PASSWORD}@{host}/kizashi"
    await migrated(own, PASSWORD)
    await migrated(own, "another-password")  # a password is changed by another run
    for role in ROLES:
        connection = await asyncpg.connect(f"postgresql://{role}:another-password@{host}/kizashi")
        found = await connection.fetchval("SELECT version_num FROM kizashi.alembic_version")
        await connection.close()
        assert found == wanted_revision()


async def test_what_was_migrated_belongs_to_nobody_who_logs_in(fresh: str) -> None:
    host = fresh.rsplit("@", 1)[1].rsplit("/", 1)[0]
    await migrated(f"postgresql://{MIGRATOR}:{PASSWORD}@{host}/kizashi", PASSWORD)
    connection = await asyncpg.connect(at_database(fresh, "kizashi"))
    owners = await connection.fetch(
        "SELECT DISTINCT tableowner, rolcanlogin, rolsuper FROM pg_tables JOIN pg_roles ON rolname = tableowner"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    await connection.close()
    assert [tuple(row) for row in owners] == [("kizashi_owner", False, False)]


def test_the_operator_is_asked_for_such_an_account() -> None:
    spec = rendered("production").get("Cluster", "postgres")["spec"]
    (role,) = spec["managed"]["roles"]
    assert (role["name"], role["createrole"], role.get("superuser", False)) == (MIGRATOR, True, False)
    assert spec["bootstrap"]["initdb"]["owner"] == MIGRATOR
