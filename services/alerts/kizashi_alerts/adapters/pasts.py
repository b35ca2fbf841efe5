"""Imported pasts as wakes: judged beforehand, adopted by the one writer of their partition.

Source: ARCHITECTURE.md decision 15.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kizashi_alerts.domain.alert import subject_key
from kizashi_alerts.engine.past import Past, encode
from kizashi_common.bus.bus import Producer
from kizashi_common.contracts.partitioning import account_key, partition_of
from kizashi_common.contracts.topics import SCORES
from kizashi_common.db.database import Database, driver_of

_WHY: Final = "imported_past"
_STAGE: Final = "INSERT INTO alerts.wake (part, workspace_id, subject, why, body) VALUES ($1, $2, $3, $4, $5)"
_LEFT: Final = "SELECT count(*) FROM alerts.wake WHERE workspace_id = $1 AND why = $2"
_OPENED: Final = """
SELECT count(*) FROM alerts.alert WHERE workspace_id = $1 AND held_by = 'batch' AND closed_at IS NULL
"""


class Pasts:
    """Stages pasts and counts what became of them."""

    def __init__(self, database: Database, producer: Producer) -> None:
        self._database = database
        self._producer = producer

    async def stage(self, workspace: str, pasts: Sequence[Past]) -> None:
        """Leaves pasts to the owners of their partitions."""
        partitions = self._producer.partitions(SCORES.name)
        rows = [
            (
                partition_of(account_key(workspace, past.last.external_id).encode(), partitions),
                workspace,
                subject_key(past.last),
                _WHY,
                encode(past).decode(),
            )
            for past in pasts
        ]
        async with self._database.transaction(workspace) as transaction:
            await (await driver_of(transaction)).executemany(_STAGE, rows)

    async def left(self, workspace: str) -> int:
        """How many wait to be adopted."""
        async with self._database.transaction(workspace) as transaction:
            count: int = await (await driver_of(transaction)).fetchval(_LEFT, workspace, _WHY)
        return count

    async def opened(self, workspace: str) -> int:
        """How many alerts are open that came from a past and were told nobody."""
        async with self._database.transaction(workspace) as transaction:
            count: int = await (await driver_of(transaction)).fetchval(_OPENED, workspace)
        return count
