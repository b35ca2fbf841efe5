"""What the demo asks of the services, beside sending to ingest: over their internal doors, and by counting rows.

Source: OPERATIONS.md 1.6; HEALTH.md 11; ALERTS.md 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from pydantic import BaseModel
from sqlalchemy import text

from kizashi_common.contracts.commands.alerts import REPLAYS_PATH, ImportedPast
from kizashi_common.contracts.commands.health import (
    RECONSTRUCTIONS_PATH,
    SETTINGS_PATH,
    ReconstructionRequest,
    WorkspaceSettings,
)
from kizashi_common.db.database import Database
from kizashi_common.errors import Busy, Unavailable
from kizashi_common.http.internal import InternalClient

ACTOR: Final = "system"
_CONFLICT: Final = 409
_AGAIN: Final = timedelta(seconds=1)

_SCORED: Final = text("SELECT count(*) FROM health.account_card")
_COUNTED: Final = text(
    "SELECT coalesce(sum(applied + duplicates + dead_lettered + parked), 0) FROM health.consumer_slot"
)


class DemoServices:
    """Health and alerts, for one workspace. `database` is health's role."""

    def __init__(self, workspace: str, health: InternalClient, alerts: InternalClient, database: Database) -> None:
        self._workspace = workspace
        self._health = health
        self._alerts = alerts
        self._database = database

    async def describe(self, settings: WorkspaceSettings) -> None:
        """Puts the settings of the workspace in force, whatever they were."""
        await self._ask(self._health, "PUT", SETTINGS_PATH, settings, {"if-match": "*"})

    async def scored(self) -> int:
        """How many accounts health has evaluated."""
        async with self._database.transaction(self._workspace) as connection:
            return int((await connection.execute(_SCORED)).scalar_one())

    async def counted(self) -> int:
        """How many events health is done with."""
        async with self._database.transaction() as connection:
            return int((await connection.execute(_COUNTED)).scalar_one())

    async def reconstruct(self, days: int) -> None:
        """Writes the scores of the last days. Raises: Busy while one is running, or nothing is proved complete."""
        await self._ask(self._health, "POST", RECONSTRUCTIONS_PATH, ReconstructionRequest(days=days))

    async def judge_past(self, days: int) -> None:
        """Judges the last days and opens what is true. Raises: Busy while health cannot answer."""
        await self._ask(self._alerts, "POST", REPLAYS_PATH, ImportedPast(days=days))

    async def _ask(
        self,
        owner: InternalClient,
        method: str,
        path: str,
        wish: BaseModel,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        body = wish.model_dump_json().encode()
        answer = await owner.call(method, path, (self._workspace, ACTOR), body=body, headers=headers)
        if answer.status == _CONFLICT:
            raise Busy(f"{path}: not now.", retry_after=_AGAIN)
        if answer.status >= 300:
            said = answer.body.decode("utf-8", errors="replace")[:500]
            raise Unavailable(f"{path} was answered with {answer.status}: {said}")
