"""Stopped partitions go on once a person gave leave: no restart, and no other partition moves.

A leave holds for minutes and for the present incarnation, so it never excuses a later fault; the slot's row keeps who
gave it. A partition that is well does not notice it.

Source: OPERATIONS.md 0; HEALTH.md 3; decision 0046.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import text

from kizashi_common.db.database import Database
from kizashi_common.errors import Busy
from kizashi_common.stream.ledger import Ledger

HOLDS: Final = timedelta(minutes=15)


class Leave(NamedTuple):
    """Who gives leave, from when on, and whether records that were never read may be gone."""

    by: str
    at: datetime
    over_gaps: bool


async def give_leave(database: Database, schema: str, topic: str, leave: Leave) -> list[int]:
    """Lets the partitions of a topic in one service's schema begin a new log; answers which there are. Raises: Busy."""
    statement = text(
        f"UPDATE {schema}.consumer_slot SET reset_from = incarnation, reset_until = :until, reset_by = :by,"
        " gap_accepted = :over_gaps WHERE topic = :topic RETURNING part"
    )
    given = {"until": leave.at + HOLDS, "by": leave.by, "over_gaps": leave.over_gaps, "topic": topic}
    async with database.transaction() as connection:
        return sorted(await connection.scalars(statement, given))


class SecondLook:
    """Asks the ledger about partitions that stopped; each leave is used once."""

    def __init__(self, ledger: Ledger, every: timedelta) -> None:
        self._ledger = ledger
        self._every = every
        self._used: dict[int, datetime] = {}

    async def run(self, stopped: Collection[int], again: Callable[[int], None]) -> None:
        """Calls `again` for each stopped partition that may be tried, until cancelled."""
        while True:
            await asyncio.sleep(self._every.total_seconds())
            for partition in await self.allowed(stopped):
                again(partition)

    async def allowed(self, stopped: Collection[int]) -> list[int]:
        """Those with a leave that was not used yet."""
        if not stopped:
            return []
        try:
            given_up = await self._ledger.given_up(list(stopped))
        except Busy:
            return []
        fresh = [partition for partition, until in given_up.items() if self._used.get(partition) != until]
        self._used.update((partition, given_up[partition]) for partition in fresh)
        return fresh
