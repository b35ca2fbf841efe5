"""Which calibration holds on a day: the kept one of its Monday, or one made now from days before that Monday.

Source: SCORING.md 4; HEALTH.md 10 and 11.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from kizashi_common.contracts.commands.health import WorkspaceSettings
from kizashi_health.adapters import calibrations
from kizashi_health.adapters.calibrations import Kind
from kizashi_health.adapters.population import population
from kizashi_health.domain.account import Account
from kizashi_health.domain.calendar import Day, monday_of
from kizashi_health.domain.calibration import calibrate, member_of, window_start
from kizashi_health.domain.evaluation import boundary
from kizashi_health.domain.pulse import Calibration
from kizashi_health.domain.signal import Workspace


class Calibrations:
    """The calibrations of all workspaces, remembered by what they were made from."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._made: dict[tuple[str, Day, bytes], Calibration] = {}

    async def of_days(
        self,
        connection: Any,
        name: str,
        stated: tuple[WorkspaceSettings, Workspace, Day | None],
        days: Iterable[Day],
        kind: Kind = "reconstructed",
    ) -> dict[Day, Calibration]:
        """The calibration in force on each Monday that these days belong to; look up by `monday_of(day)`.

        Shape: `stated` is (settings, their domain value, first observed day).
        """
        settings, workspace, observed_from = stated
        mondays = sorted({monday_of(day) for day in days})
        versions = await calibrations.data_versions(connection, name, mondays, settings)
        found: dict[Day, Calibration] = {}
        accounts: list[Account] | None = None
        for monday in mondays:
            key = (name, monday, versions[monday])
            kept = self._made.get(key) or await calibrations.kept(connection, name, monday, versions[monday])
            if kept is None:
                if accounts is None:
                    accounts = await population(connection, name)
                made = await asyncio.to_thread(_make, accounts, monday, settings, workspace, observed_from)
                how = (kind, self._clock())
                kept = await calibrations.keep(connection, name, made, settings, versions[monday], how)
            self._made[key] = found[monday] = kept
        return found

    async def renew_live(
        self, connection: Any, name: str, stated: tuple[WorkspaceSettings, Workspace, Day | None], day: Day
    ) -> None:
        """Makes the calibration of the present week the live one again, after the past before it has changed."""
        settings, workspace, observed_from = stated
        monday = monday_of(day)
        version = (await calibrations.data_versions(connection, name, [monday], settings))[monday]
        accounts = await population(connection, name)
        made = await asyncio.to_thread(_make, accounts, monday, settings, workspace, observed_from)
        await calibrations.keep(connection, name, made, settings, version, ("live", self._clock()))


def _make(
    accounts: list[Account], monday: Day, settings: WorkspaceSettings, workspace: Workspace, observed_from: Day | None
) -> Calibration:
    now = boundary(monday, workspace, observed_from)
    then = boundary(window_start(monday, workspace.settings), workspace, observed_from)
    return calibrate(
        [member for account in accounts if (member := member_of(account, now)) is not None],
        [member for account in accounts if (member := member_of(account, then)) is not None],
        monday,
        workspace.settings,
        settings.monthly_loss,
        workspace.clock,
    )
