"""The day that began: noted once for the whole workspace, then told to every slot.

A day counts as begun when the input of all partitions is proved past its local midnight, or an hour after the first
one's (`partial`), so that one stuck partition does not hold back the others. On Mondays, and before the first one, the
workspace is calibrated.

Source: HEALTH.md 9.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from kizashi_common.db.database import Database
from kizashi_common.errors import Busy
from kizashi_common.telemetry.logging import get_logger
from kizashi_common.telemetry.metrics import worker_restarts_total
from kizashi_health.adapters.population import population
from kizashi_health.adapters.progress import Progress, begin_day, last_day, progress, wake_slots
from kizashi_health.adapters.workspaces import known_workspaces, stored_workspaces
from kizashi_health.application.calibrating import Calibrations, Stated
from kizashi_health.domain.calendar import Day, date_of, day_of, local_day, midnight
from kizashi_health.domain.card import revenue_ladder
from kizashi_health.domain.evaluation import boundary
from kizashi_health.domain.signal import Workspace
from kizashi_health.engine.contexts import workspace_of
from kizashi_health.engine.scoring import day_wake

WORKER: Final = "census"
_PARTIAL_AFTER: Final = timedelta(hours=1)
_MOST_DAYS_BACK: Final = 90


class Census:
    """Works for all workspaces, in the process that owns partition 0."""

    def __init__(
        self,
        database: Database,
        calibrations: Calibrations,
        clock: Callable[[], datetime],
        is_owner: Callable[[], bool],
        every: timedelta,
    ) -> None:
        self._database = database
        self._calibrations = calibrations
        self._clock = clock
        self._is_owner = is_owner
        self._every = every
        self._log = get_logger("health")

    async def run(self) -> None:
        """Looks every so often whether a day began somewhere."""
        while True:
            await asyncio.sleep(self._every.total_seconds())
            if self._is_owner():
                try:
                    await self.look()
                except Busy as error:
                    self._log.warning("census_waits", reason=error.reason)
                    worker_restarts_total.labels("health", WORKER).inc()

    async def look(self) -> None:
        """Begins every day that is proved and was not begun yet."""
        async with self._database.transaction() as connection:
            names = await known_workspaces(connection)
        for name in names:
            async with self._database.transaction() as connection:
                await self._workspace(connection, name)

    async def _workspace(self, connection: Any, name: str) -> None:
        stored = (await stored_workspaces(connection, [name]))[name]
        workspace = workspace_of(stored)
        reached = await progress(connection)
        today, partial = _today(reached, workspace)
        if today is None:
            return
        done = await last_day(connection, name)
        first = today if done is None else Day(max(day_of(done) + 1, today - _MOST_DAYS_BACK))
        for day in range(first, today + 1):
            stated = Stated(name, stored.settings, workspace, stored.first_day, reached.applied)
            await self._begin(connection, stated, (Day(day), today, partial), reached.slots)

    async def _begin(
        self,
        connection: Any,
        stated: Stated,
        when: tuple[Day, Day, bool],
        slots: tuple[int, ...],
    ) -> None:
        day, today, partial = when
        name = stated.name
        made = await self._calibrations.of_days(connection, stated, [day], kind="live")
        moment = boundary(day, stated.workspace, stated.observed_from)
        revenues = [
            float(revenue.amount)
            for account in await population(connection, name)
            if account.is_customer(moment) and (revenue := account.yearly_revenue(moment)) is not None
        ]
        calibration = next(iter(made.values()))
        how = (calibration.id, self._clock(), partial)
        if await begin_day(connection, name, date_of(day), revenue_ladder(revenues), how):
            await wake_slots(connection, slots, name, day_wake(date_of(day), is_last=day == today))
            self._log.info("day_began", workspace=name, day=date_of(day).isoformat(), partial=partial)


def _today(reached: Progress, workspace: Workspace) -> tuple[Day | None, bool]:
    """The latest day that may begin, and whether some partition is behind."""
    if reached.earliest is None or reached.latest is None:
        return None, False
    whole, ahead = local_day(reached.earliest, workspace.zone), local_day(reached.latest, workspace.zone)
    if ahead > whole and reached.latest - midnight(ahead, workspace.zone) >= _PARTIAL_AFTER:
        return ahead, True
    return whole, False
