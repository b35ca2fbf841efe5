"""PostgreSQL and the broker, started in order and ready for the services: database, schema, roles and topics in place.

Source: OPERATIONS.md 1.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import asyncpg

from kizashi_common.bus.kafka import ensure_topics
from kizashi_common.bus.kafka_settings import KafkaSettings
from kizashi_common.bus.topic_plan import LOCAL
from kizashi_common.contracts.topics import TOPICS
from kizashi_common.db.migrate import migrate
from kizashi_common.errors import Invalid
from kizashi_common.runtime.service import Chance, Clock
from kizashi_local.addresses import Addresses
from kizashi_local.broker.broker import Broker, BrokerPlace, Progress, Wanted
from kizashi_local.broker.choice import start_broker
from kizashi_local.children import Child, Launcher
from kizashi_local.instance import Instance
from kizashi_local.postgres import ExternalPostgres, Postgres, PostgresServer, start_postgres
from kizashi_local.service_settings import DATABASE_URL, role_passwords

DATABASE = "kizashi"


@dataclass(frozen=True)
class Servers:
    """What the services stand on. `children` are the processes whose death ends everything."""

    postgres: Postgres
    database: str
    broker: Broker

    @property
    def children(self) -> tuple[Child, ...]:
        """The processes that are ours."""
        own = self.postgres.child if isinstance(self.postgres, PostgresServer) else None
        return tuple(child for child in (own, self.broker.child) if child is not None)


@dataclass(frozen=True)
class Starting:
    """What starting needs: directory, ports, environment, and whom to tell of progress and of steps done."""

    instance: Instance
    addresses: Addresses
    environment: Mapping[str, str]
    tell: Progress
    done: Progress

    async def database(self, stack: AsyncExitStack) -> tuple[Postgres, str]:
        """PostgreSQL with our database in it; it ends with the stack. Answers the server and the database's name."""
        given = self.environment.get(DATABASE_URL)
        if given:
            return ExternalPostgres(given), database_of(given)
        server = await start_postgres(self.instance.data, self.addresses.postgres, record=self.instance.record)
        stack.push_async_callback(server.stop)
        await ensure_database(server.superuser_url("postgres"), DATABASE)
        self.done(f"PostgreSQL {server.binaries.version} ({server.binaries.origin}) on port {server.port}")
        return server, DATABASE

    async def broker(self, stack: AsyncExitStack, wanted: Wanted) -> Broker:
        """A broker, remembered in the data directory; it ends with the stack.

        One that follows the volatile broker is remembered when the services have taken its log for a new one
        (`Opened.wait`): a start that is killed before that has to let them try again.
        """
        place = BrokerPlace(self.instance.data, self.addresses.broker, self.addresses.controller)
        launcher = Launcher(self.environment, self.instance.record)
        remembered = self.instance.state.broker
        broker = await start_broker(place, launcher, wanted=wanted, remembered=remembered, progress=self.tell)
        stack.push_async_callback(broker.stop)
        if not broker.follows_volatile:
            self.instance.update(broker=broker.kind)
        self.done(f"Broker: {broker.kind}, cluster {broker.cluster_hint}, at {broker.bootstrap}")
        return broker


async def prepare(servers: Servers, instance: Instance, chance: Chance, clock: Clock) -> None:
    """Schema, roles, grants and topics, as `kizashi migrate` makes them: a missing grant must fail here first."""
    await migrate(
        servers.postgres.superuser_url(servers.database),
        role_passwords=role_passwords(instance.data / "secrets"),
        chance=chance,
        clock=clock,
        local=True,
    )
    await ensure_topics(KafkaSettings(servers.broker.bootstrap, "kizashi"), TOPICS, LOCAL)


async def ensure_database(superuser_url: str, name: str) -> None:
    """Makes the database where it is missing."""
    connection = await asyncpg.connect(superuser_url, timeout=10)
    try:
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()


def database_of(url: str) -> str:
    """The database that the address names. Raises: Invalid when it names none."""
    name = unquote(urlsplit(url).path.lstrip("/"))
    if not name:
        raise Invalid(
            f"{DATABASE_URL} names no database: postgresql://account:password@host:port/database is expected."
        )
    return name
