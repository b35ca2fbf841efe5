"""Our clock against PostgreSQL's: whoever judges lateness by two clocks must know how far they are apart.

The question is put between two looks at our own clock, so that the way there and back counts half each.

Source: OPERATIONS.md 5, `clock_offset_seconds`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import text

from kizashi_common.db.database import Database
from kizashi_common.errors import Busy
from kizashi_common.telemetry import metrics

EVERY = timedelta(seconds=30)
WORKER = "clock"
_ASK = text("SELECT clock_timestamp()")


class ClockOffset:
    """Looks every 30 s. While PostgreSQL is away the last finding stands."""

    def __init__(self, database: Database, clock: Callable[[], datetime], service: str) -> None:
        self._database = database
        self._clock = clock
        self._offset = metrics.clock_offset_seconds.labels(service, "postgres")
        self._restarts = metrics.worker_restarts_total.labels(service, WORKER)

    async def run(self) -> None:
        """Looks until cancelled."""
        while True:
            try:
                await self.look()
            except Busy:
                self._restarts.inc()
            await asyncio.sleep(EVERY.total_seconds())

    async def look(self) -> None:
        """Asks once. Raises: Busy."""
        async with self._database.transaction() as connection:
            before = self._clock()
            theirs: datetime = (await connection.execute(_ASK)).scalar_one()
            after = self._clock()
        self._offset.set((before + (after - before) / 2 - theirs).total_seconds())
