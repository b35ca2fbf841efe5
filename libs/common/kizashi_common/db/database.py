"""Connections: a transaction with its workspace set, and a raw one for COPY.

SQLAlchemy serves what people and workers ask for; hot paths take the driver's own connection. The workspace is set
for the transaction alone (`set_config(…, true)`): a session-level setting would leak to the next user of the pooled
connection. Row-level security shows nothing while it is unset.

Source: GATEWAY.md 2; decisions 2 and 14.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from kizashi_common.errors import Busy

_BEGIN = text("SELECT 1")
_AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)


class Database:
    """One role's way into PostgreSQL.

    Args are given once: `url` is `postgresql://role:password@host:port/name`; `statement_timeout` bounds what a
    request may cost.
    """

    def __init__(self, url: str, *, pool: int = 5, statement_timeout: timedelta = timedelta(seconds=30)) -> None:
        self._url = url
        self._timeout_ms = str(int(statement_timeout.total_seconds() * 1000))
        self._engine: AsyncEngine = create_async_engine(
            url.replace("postgresql://", "postgresql+asyncpg://", 1),
            pool_size=pool,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={"timeout": 10, "server_settings": {"statement_timeout": self._timeout_ms, "timezone": "UTC"}},
        )

    @asynccontextmanager
    async def transaction(
        self, workspace: str | None = None, *, read_only: bool = False
    ) -> AsyncIterator[AsyncConnection]:
        """A transaction that commits when the block ends well; a workspace opens its rows to it.

        Raises: Busy when PostgreSQL cannot be reached.
        """
        try:
            async with self._engine.begin() as connection:
                if read_only:
                    await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
                if workspace is not None:
                    await connection.execute(
                        text("SELECT set_config('kizashi.workspace', :workspace, true)"), {"workspace": workspace}
                    )
                yield connection
        except (OperationalError, InterfaceError, *_AWAY) as error:
            raise Busy("The database cannot be reached.") from error
        except DBAPIError as error:
            if error.connection_invalidated or isinstance(getattr(error.orig, "__cause__", None), _AWAY):
                # The second: it was cut while it was being made, and SQLAlchemy does not call that invalid.
                raise Busy("The database cannot be reached.") from error
            raise

    async def connect(self) -> Any:
        """A connection of its own (asyncpg's), for COPY and for long-lived use; the caller closes it.

        Raises: Busy when PostgreSQL cannot be reached.
        """
        try:
            connection = await asyncpg.connect(self._url, timeout=10, server_settings={"timezone": "UTC"})
            # As SQLAlchemy's connections have it, so that a statement means one thing on both: JSON goes in as text and
            # comes out as values.
            await connection.set_type_codec(
                "jsonb",
                schema="pg_catalog",
                format="binary",
                encoder=lambda written: b"\x01" + written.encode(),
                decoder=lambda stored: json.loads(stored[1:]),
            )
        except _AWAY as error:
            raise Busy("The database cannot be reached.") from error
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
