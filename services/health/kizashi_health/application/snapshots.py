"""The reconstructed past up to now as snapshots, page by page: what alerts judges after an import.

Source: HEALTH.md 16; ALERTS.md 2.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from kizashi_common.contracts.ids import shown
from kizashi_common.contracts.scores import Score
from kizashi_common.db.database import Database
from kizashi_health.adapters.history import accounts_after, snapshots_of
from kizashi_health.adapters.progress import progress
from kizashi_health.adapters.workspaces import stored_workspaces
from kizashi_health.domain.calendar import Day, date_of, local_day
from kizashi_health.engine.contexts import workspace_of


class Page(NamedTuple):
    """Snapshots of some accounts, and the account after which the next page begins; None on the last."""

    snapshots: list[Score]
    following: str | None


class Snapshots:
    """Reads what `Reconstruct` wrote."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, name: str, days: int, after: UUID | None, limit: int) -> Page:
        """The last `days` reconstructed days of the next `limit` accounts, and what each is now."""
        async with self._database.transaction(read_only=True) as connection:
            workspace = workspace_of((await stored_workspaces(connection, [name]))[name])
            through = (await progress(connection)).earliest
            cards = await accounts_after(connection, name, after, limit)
            if through is None or not cards:
                return Page([], None)
            since = date_of(Day(local_day(through, workspace.zone) - days + 1))
            found = await snapshots_of(connection, cards, since, workspace.zone)
        is_last = len(cards) < limit
        return Page(found, None if is_last else shown("acc", cards[-1]["account_id"]))
