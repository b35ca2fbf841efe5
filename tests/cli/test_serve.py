"""A service in a process of its own: every fault at once, or the operations port first and a reason for waiting."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx2
import pytest

from kizashi_common.db.migrate import wait_for_schema, wanted_revision
from tests.conftest import Databases
from tests.ports import free_port

pytestmark = pytest.mark.slow

TOKEN = {"KIZASHI_SERVICE_TOKEN": "only-for-tests-only-for-tests"}
NOWHERE = {"KIZASHI_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}


def test_everything_that_is_wrong_is_said_at_once() -> None:
    told = {
        "KIZASHI_HEALTH_URLL": "http://health:8001",
        "KIZASHI_OPS_PORT": "many",
        "KIZASHI_MASTER_KEYS": "no base64!",
        **NOWHERE,
    }
    command = (sys.executable, "-m", "kizashi_cli.main", "alerts")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=told, timeout=60)
    assert done.returncode == 1
    for name in ("HEALTH_URLL", "OPS_PORT", "MASTER_KEYS", "DATABASE_URL", "SERVICE_TOKEN"):
        assert done.stderr.count(f"\n  KIZASHI_{name}: ") == 1, f"{name} each once"


def test_production_refuses_by_name_beside_every_other_fault() -> None:
    told = {
        "KIZASHI_ENV": "production",
        "KIZASHI_FAILPOINTS": "flush.3",
        "KIZASHI_KAFKA_PROFILE": "volatile",
        "KIZASHI_SERVICE_TOKEN": "change-me-change-me",
        "KIZASHI_NODE": "Not A Name",
    }
    command = (sys.executable, "-m", "kizashi_cli.main", "health")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=told, timeout=60)
    for name in ("FAILPOINTS", "KAFKA_PROFILE", "KAFKA_SECURITY_PROTOCOL", "SERVICE_TOKEN", "NODE", "DATABASE_URL"):
        assert f"\n  KIZASHI_{name}: " in done.stderr, name
    assert "change-me" not in done.stderr


class Running:
    """A service that was started, and its operations port."""

    def __init__(self, process: asyncio.subprocess.Process, ops: int) -> None:
        self.process = process
        self._ops = ops

    async def ask(self, path: str) -> tuple[int, Mapping[str, str]]:
        async with httpx2.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"http://127.0.0.1:{self._ops}{path}")
        return answer.status_code, answer.json()

    async def says(self, word: str) -> None:
        """Waits until the reason for waiting has this word in it."""
        answer: object = None
        for _ in range(400):
            try:
                answer = await self.ask("/startupz")
            except httpx2.TransportError:
                await asyncio.sleep(0.05)
                continue
            if word in json.dumps(answer):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"it never said {word!r}; last: {answer}")


@asynccontextmanager
async def started(service: str, settings: Mapping[str, str], folder: Path) -> AsyncIterator[Running]:
    ops = free_port()
    ports = {"KIZASHI_LISTEN_HOST": "127.0.0.1", "KIZASHI_OPS_PORT": str(ops)}
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "kizashi_cli.main",
            service,
            env={**TOKEN, **ports, **settings},
            stdout=log,
            stderr=log,
        )
    try:
        yield Running(process, ops)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("service", ["ingest", "health"])
async def test_without_database_and_broker_it_waits_lives_and_stops_in_order(service: str, tmp_path: Path) -> None:
    nowhere = NOWHERE | {"KIZASHI_DATABASE_URL": "postgresql://kizashi:only-for-tests@127.0.0.1:1/kizashi"}
    async with started(service, nowhere, tmp_path) as running:
        await running.says("the database cannot be reached")
        assert (await running.ask("/livez"))[0] == 200
        assert (await running.ask("/readyz"))[0] == 503
        running.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(running.process.wait(), 10) == 0
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines() if line.startswith("{")]
    waits = [line["detail"] for line in lines if line["event"] == "start_waits"]
    assert waits == ["the database cannot be reached"], "told once, not each second"


async def test_an_older_schema_is_waited_for_then_the_broker_and_both_are_named(
    databases: Databases, tmp_path: Path
) -> None:
    owner = await asyncpg.connect(databases.owner_url)
    await owner.execute("ALTER TABLE kizashi.alembic_version RENAME TO kept")
    told = NOWHERE | {"KIZASHI_DATABASE_URL": databases.urls["health"]}
    async with started("health", told, tmp_path) as running:
        await running.says("no schema for this service yet")
        await running.says("kizashi migrate")
        await owner.execute("ALTER TABLE kizashi.kept RENAME TO alembic_version")
        await running.says("Kafka cannot be reached")
        assert (await running.ask("/livez"))[0] == 200
    await owner.close()


async def test_a_newer_schema_suffices_so_that_one_can_go_back(databases: Databases) -> None:
    owner = await asyncpg.connect(databases.owner_url)
    await owner.execute("UPDATE kizashi.alembic_version SET version_num = '9999'")
    said: list[str] = []
    await asyncio.wait_for(wait_for_schema(databases.urls["health"], said.append), 10)
    await owner.execute("UPDATE kizashi.alembic_version SET version_num = $1", wanted_revision())
    await asyncio.wait_for(wait_for_schema(databases.urls["health"], said.append), 10)
    await owner.close()
    assert said == []


async def test_a_role_that_migrating_has_not_made_yet_is_waited_for(databases: Databases) -> None:
    said: list[str] = []
    nobody = databases.urls["health"].replace("kizashi_health", "kizashi_nobody")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(wait_for_schema(nobody, said.append), 1.5)
    assert len(said) == 1
    assert "kizashi migrate" in said[0]
