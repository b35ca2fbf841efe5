"""Fixtures: one PostgreSQL for the session, migrated once; each test its own copy of it, and a clock one sets."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

import asyncpg
import pytest
import pytest_asyncio
import structlog

from kizashi_common.db.database import Database
from kizashi_common.db.migrate import migrate
from kizashi_common.db.tables.metadata import ROLES
from kizashi_common.errors import Absent
from kizashi_local.broker.broker import Broker, BrokerPlace, Wanted
from kizashi_local.broker.choice import start_broker
from kizashi_local.broker.kafka_jars import NoKafka
from kizashi_local.children import Launcher
from kizashi_local.postgres import start_postgres
from kizashi_local.postgres_binaries import Binaries, find_binaries, on_machine
from tests.ports import free_port
from tests.twins.clock import SetClock

PASSWORD = "only-for-tests"
JARS = Path(tempfile.gettempdir()) / "kizashi-test-jars"
"""Shared by all test runs of this machine, since fetching the jars takes longer than any test."""

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Databases:
    """One test's database, as each role sees it. `owner` may do everything: for seeding and looking."""

    ingest: Database
    health: Database
    alerts: Database
    gateway: Database
    owner_url: str
    urls: dict[str, str]


@dataclass(frozen=True)
class Server:
    """The session's PostgreSQL, with a migrated template."""

    superuser_url: str
    host_port: str


SERVERS: Final = {"postgres": "postgres", "brokers": "broker"}
"""The fixtures that start one, and the markers of the tests that need it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--postgres",
        choices=("found", "machine"),
        default="found",
        help="the PostgreSQL to test on: as `kizashi up` finds one, or the machine's own",
    )


def pytest_configure() -> None:
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(*_: object) -> None:
    """Servers that tests started end with them, also when the run is ended from outside, as when CI's time is over."""
    raise KeyboardInterrupt


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs a server says so by its fixtures, so that nobody forgets to mark it."""
    for item in items:
        for fixture, marker in SERVERS.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)


def pytest_collection_finish() -> None:
    """What was imported stays: a full collection, which some tests ask for, need not look at it each time."""
    gc.collect()
    gc.freeze()


def _of_the_machine() -> Binaries:
    binaries = on_machine()
    if binaries is None:
        raise Absent("This machine brings no PostgreSQL that is new enough.")
    return binaries


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A command that a test calls sets up the process's logs, on a stream that ends with that test."""
    yield
    structlog.reset_defaults()
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if type(handler).__module__.startswith("kizashi_"):
            root.removeHandler(handler)


def at_database(url: str, name: str) -> str:
    """The same server and login, another database."""
    return url.rsplit("/", 1)[0] + "/" + name


@pytest_asyncio.fixture(scope="session")
async def postgres(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    # Not pytest's own folder: it is 0700 under root, and PostgreSQL runs as another account.
    data = Path(tempfile.mkdtemp(prefix="kizashi-test-"))
    find = _of_the_machine if request.config.getoption("--postgres") == "machine" else find_binaries
    server = await start_postgres(data, free_port(), fsync=False, find=find)
    url = server.superuser_url("postgres")
    try:
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE DATABASE template_kizashi")
        await connection.close()
        await migrate(
            at_database(url, "template_kizashi"),
            role_passwords=dict.fromkeys(ROLES, PASSWORD),
            chance=os.urandom,
            clock=lambda: START,
            local=True,
        )
        yield Server(url, url.rsplit("@", 1)[1].rsplit("/", 1)[0])
    finally:
        await server.stop()
        shutil.rmtree(data, ignore_errors=True)


@pytest_asyncio.fixture
async def databases(postgres: Server) -> AsyncIterator[Databases]:
    name = f"test_{os.urandom(6).hex()}"
    connection = await asyncpg.connect(postgres.superuser_url)
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE template_kizashi STRATEGY file_copy")
    urls = {
        role.removeprefix("kizashi_"): f"postgresql://{role}:{PASSWORD}@{postgres.host_port}/{name}" for role in ROLES
    }
    made = {service: Database(url) for service, url in urls.items()}
    try:
        yield Databases(**made, owner_url=at_database(postgres.superuser_url, name), urls=urls)
    finally:
        await asyncio.gather(*(database.close() for database in made.values()))
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()


@dataclass
class Brokers:
    """Starts each kind of broker at most once a session, and says why one cannot be had."""

    data: Path
    running: dict[str, Broker]

    async def __call__(self, kind: str) -> Broker:
        if kind not in self.running:
            place = BrokerPlace(self.data / kind, free_port(), free_port())
            environment = {**os.environ, "KIZASHI_KAFKA_JARS_DIR": os.environ.get("KIZASHI_KAFKA_JARS_DIR", str(JARS))}
            try:
                self.running[kind] = await start_broker(
                    place, Launcher(environment), wanted=cast("Wanted", kind), remembered=None, progress=lambda _: None
                )
            except (NoKafka, Absent) as error:
                pytest.skip(f"no {kind} broker here: {error.detail}")
        return self.running[kind]


@pytest_asyncio.fixture(scope="session")
async def brokers() -> AsyncIterator[Brokers]:
    data = Path(tempfile.mkdtemp(prefix="kizashi-broker-"))
    made = Brokers(data, {})
    try:
        yield made
    finally:
        for broker in made.running.values():
            await broker.stop()
        shutil.rmtree(data, ignore_errors=True)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(START)
