"""A few connections of one owner, each lent for a turn: for what asks PostgreSQL many times a second.

A pooled transaction costs four round trips (is it alive, begin, the question, commit); a question on a line costs one.
A line that was lost is made anew at the next turn.

Source: HEALTH.md 2 and 3.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from time import perf_counter
from typing import Any

from kizashi_common.db.database import Database
from kizashi_common.db.trouble import as_busy
from kizashi_common.errors import KizashiError


class Lines:
    """At most `most` connections. `patience` bounds a turn, so that a database that answers nothing holds nobody for
    ever. `name` is what metrics call them."""

    def __init__(self, database: Database, most: int, name: str, patience: timedelta = timedelta(seconds=30)) -> None:
        self._database = database
        self._meter = database.meter
        self._pool = database.meter.pool(name)
        self._turns = asyncio.Semaphore(most)
        self._patience = patience.total_seconds()
        self._idle: list[Any] = []
        self._lent = 0
        self._count(0)

    def _count(self, lent: int) -> None:
        self._lent += lent
        self._pool.has(idle=len(self._idle), used=self._lent)

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Any]:
        """One connection (asyncpg's), nobody else's while the block lasts.

        Raises: Busy when it is lost, or PostgreSQL cannot do this now.
        """
        began = perf_counter()
        async with self._turns:
            connection = self._idle.pop() if self._idle else None
            self._count(1)
            try:
                async with asyncio.timeout(self._patience):
                    if connection is None or connection.is_closed():
                        connection = await self._database.connect()
                    self._pool.waited(perf_counter() - began)
                    yield connection
            except KizashiError:
                # A decision of the borrower: its transaction was rolled back in order.
                if connection is not None:
                    self._idle.append(connection)
                raise
            except BaseException as error:
                # Whatever else ended the turn early may have left a transaction open; nobody may go on inside it.
                self._discard(connection, error)
                busy = as_busy(error)
                if busy is not None:
                    raise busy from error
                raise
            else:
                self._idle.append(connection)
            finally:
                self._count(-1)

    def _discard(self, connection: Any, error: BaseException) -> None:
        if connection is not None:
            connection.terminate()
        if isinstance(error, TimeoutError):
            self._meter.failed(error)

    def close(self) -> None:
        """Gives the connections back."""
        while self._idle:
            self._idle.pop().terminate()
        self._count(0)
