"""What stands in PostgreSQL now, counted over all workspaces: open alerts, and deliveries that wait.

Source: OPERATIONS.md 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from kizashi_alerts.adapters.deliveries import PER_ENDPOINT
from kizashi_common.db.database import Database, driver_of

_OPEN: Final = "SELECT kind, count(*) AS alerts FROM alerts.alert WHERE closed_at IS NULL GROUP BY kind"
_DELIVERIES: Final = """
WITH full_up AS (
    SELECT endpoint_id FROM alerts.delivery WHERE state = 'leased' AND lease_until >= $1
    GROUP BY endpoint_id HAVING count(*) >= $2
)
SELECT (SELECT count(*) FROM alerts.delivery WHERE state IN ('pending', 'waiting'))
           + (SELECT count(*) FROM alerts.delivery WHERE state = 'leased') AS unfinished,
       least(
           (SELECT min(next_at) FROM alerts.delivery WHERE state IN ('pending', 'waiting') AND next_at <= $1
            AND endpoint_id NOT IN (SELECT endpoint_id FROM full_up)),
           (SELECT min(lease_until) FROM alerts.delivery WHERE state = 'leased' AND lease_until < $1)
       ) AS due_since
"""


class Standing(NamedTuple):
    """The counts. `due_since` is when the delivery that waits longest for us became due; None when none is due.

    A delivery that waits for its next attempt is not due, nor is one behind an endpoint that has all its places in
    flight: there the receiver is what is slow.
    """

    open: Mapping[str, int]
    unfinished: int
    due_since: datetime | None


class Backlog:
    """Counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def standing(self, now: datetime) -> Standing:
        """What stands now. Raises: Busy."""
        async with self._database.transaction() as transaction:
            connection = await driver_of(transaction)
            kinds = await connection.fetch(_OPEN)
            row = await connection.fetchrow(_DELIVERIES, now, PER_ENDPOINT)
        return Standing({kind["kind"]: kind["alerts"] for kind in kinds}, row["unfinished"], row["due_since"])
