"""How far every partition is proved, read from the view and never from health.

Source: OPERATIONS.md 5, `completeness_age_seconds`.
"""

from __future__ import annotations

from sqlalchemy import select

from kizashi_common.db.database import Database
from kizashi_common.db.views import PARTITION
from kizashi_gateway.domain.witness import PartitionProof


class Progress:
    """Reads how far the partitions are."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def partitions(self) -> tuple[PartitionProof, ...]:
        """Every partition there is, claimed or not. Raises: Busy."""
        c = PARTITION.clause.c
        async with self._database.transaction(read_only=True) as connection:
            rows = await connection.execute(select(c.partition, c.complete_through, c.began_at))
            return tuple(PartitionProof(*row) for row in rows)
