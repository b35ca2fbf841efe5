"""In which zone a workspace counts its days, read from the view and never from health.

Source: SCORING.md 1; PRODUCT.md, "Dates in the viewer's timezone".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select

from kizashi_common.contracts.commands.health import WorkspaceSettings
from kizashi_common.db.database import Database
from kizashi_common.db.views import WORKSPACE_ZONE

_UNSET = WorkspaceSettings().zone


class Zones:
    """Reads the zones of workspaces. Until members have zones of their own, it is theirs too."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def of(self, workspace: str) -> ZoneInfo:
        """The zone of a workspace. Raises: Busy."""
        c = WORKSPACE_ZONE.clause.c
        async with self._database.transaction(workspace, read_only=True) as connection:
            found = await connection.execute(select(c.zone).where(c.workspace_id == workspace))
            return ZoneInfo(found.scalar_one_or_none() or _UNSET)

    async def today(self, workspace: str) -> date:
        """The local day that it is there now. Raises: Busy."""
        return self._clock().astimezone(await self.of(workspace)).date()
