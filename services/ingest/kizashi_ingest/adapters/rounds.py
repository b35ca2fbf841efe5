"""Nodes and rounds, as they rest in PostgreSQL: who accepts, up to when, and whose turn it is to say so.

The row of the last round elects: whoever moves it on opens the next one, everybody else finds it moved.

Source: INGEST.md 9, "Rounds and heartbeats".
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from kizashi_common.db.database import Database
from kizashi_common.db.tables.ingest import node, round_

_FORGOTTEN: Final = timedelta(seconds=60)
"""A node without a spool is forgotten this long after its last sign: nothing of it can still arrive."""


class Round(NamedTuple):
    """An opened round: all that any node accepted before `complete_through` is acknowledged. `nodes` are counted."""

    number: int
    complete_through: datetime
    nodes: int


class RoundStore:
    """This node's sign of life, and the rounds of all nodes."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name

    async def sign(self, complete_through: datetime, now: datetime) -> int:
        """This node is here, and what it accepted before that time is acknowledged; how many nodes there are now.

        Raises: Busy.
        """
        async with self._database.transaction() as connection:
            stated = {"complete_through": complete_through, "seen_at": now}
            await connection.execute(
                insert(node)
                .values(node=self._name, **stated)
                .on_conflict_do_update(index_elements=[node.c.node], set_=stated)
            )
            await connection.execute(delete(node).where(node.c.seen_at < now - _FORGOTTEN))
            return int((await connection.execute(select(func.count()).select_from(node))).scalar_one())

    async def open(self, every: timedelta, now: datetime) -> Round | None:
        """The next round, when it is due and nobody else has opened it. Raises: Busy."""
        async with self._database.transaction() as connection:
            await connection.execute(
                insert(round_)
                .values(one=1, round=0, complete_through=now, opened_at=now - every)
                .on_conflict_do_nothing(index_elements=[round_.c.one])
            )
            moved = await connection.execute(
                update(round_)
                .where(round_.c.one == 1, round_.c.opened_at <= now - every)
                .values(
                    round=round_.c.round + 1,
                    opened_at=now,
                    complete_through=select(func.min(node.c.complete_through)).scalar_subquery(),
                )
                .returning(round_.c.round, round_.c.complete_through)
            )
            opened = moved.first()
            if opened is None:
                return None
            count = (await connection.execute(select(func.count()).select_from(node))).scalar_one()
        return Round(opened.round, opened.complete_through, int(count))
