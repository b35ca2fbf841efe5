"""What a workspace says about itself: read, and replaced as a new version that every slot hears of.

Source: SCORING.md 1; HEALTH.md 10, "Versions".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from kizashi_common.contracts.commands.health import SettingsAnswer, WorkspaceSettings
from kizashi_common.db.database import Database
from kizashi_common.errors import Conflict
from kizashi_health.adapters.progress import progress, wake_slots
from kizashi_health.adapters.workspaces import publish_settings, settings_of, stored_workspaces
from kizashi_health.application.calibrating import Calibrations, Stated
from kizashi_health.domain.calendar import local_day
from kizashi_health.engine.contexts import workspace_of
from kizashi_health.engine.rows import StoredWorkspace
from kizashi_health.engine.walks import SETTINGS


class SettingsOf:
    """The document `workspace_settings` of each workspace."""

    def __init__(self, database: Database, calibrations: Calibrations, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._calibrations = calibrations
        self._clock = clock

    async def read(self, workspace: str) -> SettingsAnswer:
        """The settings in force."""
        async with self._database.transaction() as connection:
            found = await settings_of(connection, workspace)
        return SettingsAnswer(version=found.version, settings=found.settings)

    async def replace(
        self, workspace: str, settings: WorkspaceSettings, expected: int | None, actor: str
    ) -> SettingsAnswer:
        """Publishes new settings, with the calibration that they ask for; all scores follow.

        Raises: StaleVersion; Conflict when the zone would change under days that are counted already.
        """
        async with self._database.transaction() as connection:
            current = (await stored_workspaces(connection, [workspace]))[workspace]
            if current.first_day is not None and current.settings.zone != settings.zone:
                raise Conflict(
                    "Days are counted in the present zone already; another zone needs a rebuild.",
                    code="zone_needs_rebuild",
                )
            made = await publish_settings(connection, workspace, settings, expected, (actor, self._clock()))
            await self._follow(connection, workspace, replace(current, settings=settings))
        return SettingsAnswer(version=made.version, settings=made.settings)

    async def _follow(self, connection: Any, name: str, stored: StoredWorkspace) -> None:
        reached, workspace = await progress(connection), workspace_of(stored)
        if reached.earliest is not None:
            stated = Stated(name, stored.settings, workspace, stored.first_day, reached.applied)
            await self._calibrations.renew(connection, stated, local_day(reached.earliest, workspace.zone))
        await wake_slots(connection, reached.slots, name, SETTINGS)
