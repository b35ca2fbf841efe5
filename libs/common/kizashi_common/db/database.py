"""Connections: a transaction with its workspace set, and a raw one for COPY.

SQLAlchemy serves what people and workers ask for; hot paths take the driver's own connection. The workspace is set
for the transaction alone (`set_config(…, true)`): a session-level setting would leak to the next user of the pooled
connection. Row-level security shows nothing while it is unset.

Source: GATEWAY.md 2; decisions 2 and 14.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from time import perf_counter
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from kizashi_common.db.meter import Meter
from kizashi_common.db.trouble import as_busy

_BEGIN = text("SELECT 1")


class Database:
    """One role's way into PostgreSQL.

    Args are given once: `url` is `postgresql://role:password@host:port/name`; `statement_timeout` bounds what a
    request may cost; `patience` how long a free connection is waited for; `service` is whose way it is, for metrics.
    """

    def __init__(
        self,
        url: str,
        *,
        pool: int = 5,
        statement_timeout: timedelta = timedelta(seconds=30),
        patience: timedelta = timedelta(seconds=10),
        service: str = "other",
    ) -> None:
        self._url = url
        self._timeout_ms = str(int(statement_timeout.total_seconds() * 1000))
        self._engine: AsyncEngine = create_async_engine(
            url.replace("postgresql://", "postgresql+asyncpg://", 1),
            pool_size=pool,
            max_overflow=0,
            pool_timeout=patience.total_seconds(),
            pool_pre_ping=True,
            connect_args={"timeout": 10, "server_settings": {"statement_timeout": self._timeout_ms, "timezone": "UTC"}},
        )
        self.meter = Meter(service)
        self.meter.hear_engine(self._engine)
        self._pool = self.meter.pool("requests")

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator[AsyncConnection]:
        async with AsyncExitStack() as stack:
            stack.callback(self._count_connections)
            began = perf_counter()
            try:
                connection = await stack.enter_async_context(self._engine.connect())
            except Exception:
                self.meter.unreachable()
                raise
            self._pool.waited(perf_counter() - began)
            self._count_connections()
            yield connection

    def _count_connections(self) -> None:
        pool: Any = self._engine.pool
        self._pool.has(idle=pool.checkedin(), used=pool.checkedout())

    @asynccontextmanager
    async def transaction(
        self, workspace: str | None = None, *, read_only: bool = False
    ) -> AsyncIterator[AsyncConnection]:
        """A transaction that commits when the block ends well; a workspace opens its rows to it.

        Raises: Busy when PostgreSQL cannot be reached, or cannot do this now.
        """
        try:
            async with self._acquired() as connection, connection.begin():
                if read_only:
                    await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
                if workspace is not None:
                    await connection.execute(
                        text("SELECT set_config('kizashi.workspace', :workspace, true)"), {"workspace": workspace}
                    )
                yield connection
        except Exception as error:
            busy = as_busy(error)
            if busy is not None:
                raise busy from error
            raise

    async def connect(self) -> Any:
        """A connection of its own (asyncpg's), for COPY and for long-lived use; the caller closes it.

        Raises: Busy when PostgreSQL cannot be reached.
        """
        try:
            connection = await asyncpg.connect(self._url, timeout=10, server_settings={"timezone": "UTC"})
            self.meter.hear_driver(connection)
            # As SQLAlchemy's connections have it, so that a statement means one thing on both: JSON goes in as text and
            # comes out as values.
            await connection.set_type_codec(
                "jsonb",
                schema="pg_catalog",
                format="binary",
                encoder=lambda written: b"\x01" + written.encode(),
                decoder=lambda stored: json.loads(stored[1:]),
            )
        except Exception as error:
            busy = as_busy(error)
            if busy is None:
                raise
            self.meter.unreachable()
            raise busy from error
        return connection

    async def close(self) -> None:
        """Closes the pool."""
        await self._engine.dispose()


async def driver_of(connection: AsyncConnection) -> Any:
    """The driver's connection behind SQLAlchemy's, inside the same transaction: for arrays and bulk reads.

    SQLAlchemy begins a transaction with its first statement; without one, what the driver does would commit by itself.
    """
    await connection.execute(_BEGIN)
    return (await connection.get_raw_connection()).driver_connection
