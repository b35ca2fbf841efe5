"""The day that began: noted once for the whole workspace, then told to every slot.

A day counts as begun when the input of all partitions is proved past its local midnight, or when an hour has been
waited since the first one's was (`partial`), so that one stuck partition does not hold back the others. On Mondays, and
before the first one, the workspace is calibrated.

Source: HEALTH.md 9.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from kizashi_common.contracts.scores import Reason
from kizashi_common.db.database import Database
from kizashi_common.errors import Busy
from kizashi_common.telemetry.logging import get_logger
from kizashi_common.telemetry.metrics import worker_restarts_total
from kizashi_health.adapters.days import How, agree_alone, begin_day
from kizashi_health.adapters.population import population
from kizashi_health.adapters.progress import Progress, progress, wake_slots
from kizashi_health.adapters.workspaces import stored_workspaces, workspaces_with_accounts
from kizashi_health.application.calibrating import Calibrations, Stated
from kizashi_health.domain.calendar import Day, date_of, local_day
from kizashi_health.domain.card import customers_ladder
from kizashi_health.domain.evaluation import boundary
from kizashi_health.domain.pulse import Calibration
from kizashi_health.engine.contexts import workspace_of
from kizashi_health.engine.rows import Begun
from kizashi_health.engine.walks import day_wake

WORKER: Final = "census"
_PARTIAL_AFTER: Final = timedelta(hours=1)
"""Waited by this process: what a proof says of itself may be hours beyond midnight at once, after a pause."""
_MOST_DAYS_BACK: Final = 90
_STEP_THAT_IS_NEWS: Final = 0.35
"""Units: logits of the intercept, five points of health."""


class Reach(NamedTuple):
    """Up to which day the input of all partitions is proved, and up to which days may begin."""

    whole: Day
    today: Day


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
        self._ahead: dict[str, tuple[Day, datetime]] = {}
        """The day that some partitions have reached and others have not, and since when that is known."""
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
            reached = await progress(connection)
            found = await stored_workspaces(connection, await workspaces_with_accounts(connection))
        for name, stored in found.items():
            reach = self._reach(name, reached, ZoneInfo(stored.settings.zone))
            if reach is not None and (stored.begun is None or stored.begun.day < reach.today):
                async with self._database.transaction() as connection:
                    await self._begin(connection, name, reach)

    def _reach(self, name: str, reached: Progress, zone: ZoneInfo) -> Reach | None:
        """The days that may begin now; None before all partitions are proved for the first time."""
        if reached.earliest is None or reached.latest is None:
            return None
        whole, ahead = local_day(reached.earliest, zone), local_day(reached.latest, zone)
        if ahead == whole:
            self._ahead.pop(name, None)
            return Reach(whole, whole)
        day, since = self._ahead.get(name, (None, self._clock()))
        if day != ahead:
            since = self._clock()
            self._ahead[name] = ahead, since
        return Reach(whole, ahead if self._clock() - since >= _PARTIAL_AFTER else whole)

    async def _begin(self, connection: Any, name: str, reach: Reach) -> None:
        await agree_alone(connection, name)
        stored = (await stored_workspaces(connection, [name]))[name]
        reached, workspace = await progress(connection), workspace_of(stored)
        stated = Stated(name, stored.settings, workspace, stored.first_day, reached.applied)
        accounts = await population(connection, name)
        told, held = workspace.calibration, None if stored.begun is None else stored.begun.calibration
        for day in _missing(stored.begun, reach.today):
            partial = day > reach.whole
            held = await self._calibrations.at_start(connection, stated, day, held, is_whole=not partial)
            how = How(None if held is None else held.id, self._clock(), partial)
            revenues = customers_ladder(accounts, boundary(day, workspace, stored.first_day))
            await begin_day(connection, name, date_of(day), revenues, how)
            reason = _reason(told, held) if day == reach.today else "rebuild"
            await wake_slots(connection, reached.slots, name, day_wake(date_of(day), reason))
            self._log.info("day_began", workspace=name, day=date_of(day).isoformat(), partial=partial)


def _missing(begun: Begun | None, today: Day) -> list[Day]:
    """The days that have not begun yet; of a workspace's first ones only the present."""
    first = today if begun is None else max(begun.day + 1, today - _MOST_DAYS_BACK)
    return [Day(day) for day in range(first, today + 1)]


def _reason(told: Calibration, held: Calibration | None) -> Reason:
    """Why all scores are told again: a step of the calibration is no news about any account."""
    moved = 0.0 if held is None else abs(held.intercept - told.intercept)
    return "model_change" if moved > _STEP_THAT_IS_NEWS else "time"
