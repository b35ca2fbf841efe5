"""How many messages of a shared outbox wait, and how long the oldest has.

PostgreSQL is asked by every process, elected or not, so that an outbox that nobody sends is seen too. The age counts
from when a row was first seen, by the loop's own clock: the row says when something happened, which may be long before
it was written. While PostgreSQL is away the age of what waited last goes on growing.

Source: OPERATIONS.md 5, `outbox_…`.
"""

from __future__ import annotations

import asyncio
from typing import Final

from sqlalchemy import Table, func, select

from kizashi_common.db.database import Database
from kizashi_common.errors import Busy
from kizashi_common.stream.waiting import Waiting
from kizashi_common.telemetry import metrics

_EVERY: Final = 1.0


class OutboxMeter:
    """Looks once a second."""

    def __init__(self, database: Database, outbox: Table, service: str) -> None:
        self._database = database
        self._waiting = select(func.count(), func.min(outbox.c.seq), func.max(outbox.c.seq)).select_from(outbox)
        self._pending = metrics.outbox_pending_rows.labels(service)
        self._age = metrics.outbox_oldest_age_seconds.labels(service)
        self._first: int | None = None
        self._last = 0
        self._ages = Waiting()

    async def run(self) -> None:
        """Looks until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self.look(loop.time())
            await asyncio.sleep(_EVERY)

    async def look(self, now: float) -> None:
        """Sets both gauges. `now` is in seconds of any steady clock."""
        try:
            async with self._database.transaction() as connection:
                count, self._first, last = (await connection.execute(self._waiting)).one()
        except Busy:
            pass
        else:
            self._pending.set(count)
            self._last = last or 0
        self._age.set(self._ages.age(self._first, self._last, now))
