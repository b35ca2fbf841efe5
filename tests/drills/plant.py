"""The whole product as it stands in production, on one machine: each service its own process, each to be broken alone.

PostgreSQL and Apache Kafka are those of local mode; `kizashi migrate` and the five services are the very commands that
a container runs, told by settings alone where everything is.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import signal
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import asyncpg

from kizashi_common.db.database import Database
from kizashi_common.runtime.compose import chance, clock, new_uuid
from kizashi_local.broker.broker import Broker, BrokerPlace
from kizashi_local.broker.choice import start_broker
from kizashi_local.children import Child, Launcher
from kizashi_local.first_workspace import WORKSPACE, First, Founding, found_workspace
from kizashi_local.postgres import PostgresServer, start_postgres
from kizashi_local.servers import DATABASE, ensure_database
from tests.chance import seeded
from tests.chaos.harness import QUICK, Installation, Truth
from tests.conftest import JARS
from tests.drills.pace import Pace
from tests.ports import free_port

SERVICES: Final = ("ingest", "health", "alerts", "gateway")
PROCESSES: Final = (*SERVICES, "canary")
READY_WITHIN: Final = 90.0
_PASSWORD: Final = "only-for-drills"
_TOKEN: Final = "only-for-drills-only-for-drills"


class Plant(Installation):
    """Seven processes over one data directory. `first` and `ready` are read by the load, as of any installation.

    `truth` is all that was ever sent to it: the ledger is judged as a whole, whichever drill is the last.
    """

    def __init__(self, data: Path, pace: Pace) -> None:
        super().__init__(data)
        self.pace = pace
        self.ports = {name: (free_port(), free_port(), free_port()) for name in PROCESSES}
        self.place = BrokerPlace(data, free_port(), free_port())
        self.postgres_port = free_port()
        self.launcher = Launcher({**os.environ, "KIZASHI_KAFKA_JARS_DIR": str(JARS)})
        self.children: dict[str, Child] = {}
        self.broker: Broker | None = None
        self.postgres: PostgresServer | None = None
        self.own_keys: dict[str, First] = {}
        self.truth = Truth(seeded("drills"))
        self._down: set[str] = set()

    # -- addresses

    def url(self, service: str, *, internal: bool = False) -> str:
        """Where a service is reached."""
        return f"http://127.0.0.1:{self.ports[service][1 if internal else 0]}"

    @property
    def ops_ports(self) -> list[int]:
        """What Prometheus scrapes."""
        return [ports[2] for ports in self.ports.values()]

    async def connect(self) -> Any:
        """The database, as its superuser. Raises: OSError and asyncpg's errors while it is away."""
        assert self.postgres is not None
        return await asyncpg.connect(self.postgres.superuser_url(DATABASE), timeout=5)

    async def execute(self, statement: str, *values: Any) -> Any:
        """One statement as superuser; the first value of its first row."""
        connection = await self.connect()
        try:
            return await connection.fetchval(statement, *values)
        finally:
            await connection.close()

    # -- start and stop

    async def begin(self) -> None:
        """Everything runs and is ready; the workspaces of the load and of the canary exist."""
        await self.start_postgres()
        await ensure_database(self._postgres.superuser_url("postgres"), DATABASE)
        await self.start_broker()
        await self.migrate()
        for name in (WORKSPACE, "canary"):
            self.own_keys[name] = await self._found(name)
        keys = self.own_keys[WORKSPACE]
        self.first = {"server_key": keys.server_key, "admin_key": keys.admin_key, "workspace": WORKSPACE}
        for name in PROCESSES:
            self.start_process(name)
        await asyncio.gather(*(self.is_ready(name) for name in PROCESSES))
        self.ready = {"ingest": self.url("ingest"), "gateway": self.url("gateway")}

    async def start_postgres(self) -> None:
        """PostgreSQL over its data, with everything durable: it will be killed."""
        self.postgres = await start_postgres(self.data, self.postgres_port)
        self.children["postgres"] = self.postgres.child

    async def start_broker(self) -> None:
        """Apache Kafka over its data."""
        self.broker = await start_broker(
            self.place, self.launcher, wanted="kafka", remembered=None, progress=lambda _: None
        )
        assert self.broker.child is not None
        self.children["broker"] = self.broker.child

    async def migrate(self) -> None:
        """Schema, roles and topics, by the command."""
        settings = {
            "KIZASHI_DATABASE_URL": self._postgres.superuser_url(DATABASE),
            "KIZASHI_KAFKA_BOOTSTRAP_SERVERS": self._bootstrap,
            "KIZASHI_KAFKA_REPLICATION": "1",
            **{f"KIZASHI_{name.upper()}_PASSWORD": _PASSWORD for name in SERVICES},
        }
        child = self._spawn("migrate", settings)
        async with asyncio.timeout(READY_WITHIN):
            await child.ended()
        assert child.process.returncode == 0, child.obituary()

    def start_process(self, name: str) -> None:
        """Starts a service, or the canary, and does not wait."""
        self.children[name] = self._spawn(name, self._settings(name))
        self.starts += 1

    async def is_ready(self, name: str) -> None:
        """Waits until a process says that it is ready. Raises: AssertionError with its log."""
        child, port = self.children[name], self.ports[name][2]
        try:
            async with asyncio.timeout(READY_WITHIN):
                while not await asyncio.to_thread(_answers, f"http://127.0.0.1:{port}/readyz"):
                    assert not child.has_ended(), child.obituary()
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{name} did not become ready: {child.log.read_text()[-3000:]}") from None

    async def end(self) -> None:
        """Ends every process, whatever state a drill left it in."""
        for name in (*reversed(PROCESSES), "broker", "postgres"):
            child = self.children.get(name)
            if child is not None:
                self.signal(name, signal.SIGCONT)
                await child.stop(signal.SIGINT if name == "postgres" else signal.SIGTERM)

    # -- what can be done to a process

    def signal(self, name: str, how: signal.Signals) -> None:
        """Sends a signal to the process and all that it started itself."""
        child = self.children[name]
        for pid in (child.pid, *_started_by(child.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, how)

    async def stop_process(self, name: str) -> None:
        """An orderly stop; it stays down."""
        self._down.add(name)
        await self.children[name].stop(signal.SIGINT if name == "postgres" else signal.SIGTERM)

    async def kill_process(self, name: str) -> None:
        """`kill -9`; it stays down."""
        self._down.add(name)
        child = self.children[name]
        child.process.kill()
        await child.ended()

    async def start_again(self, name: str) -> None:
        """Starts what was stopped or killed, over the same data, and waits until it is ready."""
        if name == "postgres":
            await self.start_postgres()
        elif name == "broker":
            await self.start_broker()
        else:
            self.start_process(name)
            await self.is_ready(name)
        self._down.discard(name)

    def died(self) -> tuple[str, ...]:
        """The processes that ended without being told to: no fault of another may do that."""
        gone = (name for name in (*PROCESSES, "broker", "postgres") if self.children[name].has_ended())
        return tuple(name for name in gone if name not in self._down)

    # -- settings

    @property
    def _postgres(self) -> PostgresServer:
        assert self.postgres is not None
        return self.postgres

    @property
    def _bootstrap(self) -> str:
        assert self.broker is not None
        return self.broker.bootstrap

    def _settings(self, name: str) -> dict[str, str]:
        public, internal, ops = self.ports[name]
        doors = {"KIZASHI_LISTEN_HOST": "127.0.0.1", "KIZASHI_OPS_PORT": str(ops)}
        rhythm = self.pace.settings()
        if name == "canary":
            return doors | self._canary() | {key: value for key, value in rhythm.items() if "_CANARY_" in key}
        return {
            **doors,
            **QUICK,
            **{key: value for key, value in rhythm.items() if "_CANARY_" not in key},
            "KIZASHI_PUBLIC_PORT": str(public),
            "KIZASHI_INTERNAL_PORT": str(internal),
            "KIZASHI_DATABASE_URL": self._postgres.url(DATABASE, f"kizashi_{name}", _PASSWORD),
            "KIZASHI_KAFKA_BOOTSTRAP_SERVERS": self._bootstrap,
            "KIZASHI_HEALTH_URL": self.url("health", internal=True),
            "KIZASHI_ALERTS_URL": self.url("alerts", internal=True),
            "KIZASHI_PUBLIC_URL": self.url("gateway"),
            "KIZASHI_SERVICE_TOKEN": _TOKEN,
            "KIZASHI_MASTER_KEYS": base64.b64encode(b"only for drills, 32 bytes of it.").decode(),
            "KIZASHI_EGRESS_ALLOW": "127.0.0.0/8",
        }

    def _canary(self) -> dict[str, str]:
        keys = self.own_keys["canary"]
        assert keys.server_key is not None
        assert keys.admin_key is not None
        return {
            "KIZASHI_CANARY_INGEST_URL": self.url("ingest"),
            "KIZASHI_CANARY_GATEWAY_URL": self.url("gateway"),
            "KIZASHI_CANARY_SERVER_KEY": keys.server_key,
            "KIZASHI_CANARY_API_KEY": keys.admin_key,
        }

    def _spawn(self, name: str, settings: Mapping[str, str]) -> Child:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("KIZASHI_")}
        command = (sys.executable, "-m", "kizashi_cli.main", name)
        return Launcher({**environment, **settings}).spawn(name, command, self.data / "log" / f"{name}.log")

    async def _found(self, workspace: str) -> First:
        gateway, ingest = (
            Database(self._postgres.url(DATABASE, f"kizashi_{name}", _PASSWORD), pool=1)
            for name in ("gateway", "ingest")
        )
        try:
            return await found_workspace(Founding(gateway, ingest, clock, chance, new_uuid), workspace, workspace)
        finally:
            await gateway.close()
            await ingest.close()


@asynccontextmanager
async def planted(pace: Pace) -> AsyncIterator[Plant]:
    """A plant that runs, of which nothing is left when the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="kizashi-drill-"))
    folder.chmod(0o711)  # PostgreSQL runs as another account
    plant = Plant(folder / "data", pace)
    try:
        await plant.begin()
        yield plant
    finally:
        await plant.end()
        shutil.rmtree(folder, ignore_errors=True)


def _started_by(pid: int) -> Iterator[int]:
    """The children of a process: PostgreSQL has one for each connection, each in a group of its own."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                yield int(stat.parent.name)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(json.load(answer).get("ready"))
    except OSError:
        return False
