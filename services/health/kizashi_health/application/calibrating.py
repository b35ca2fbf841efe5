"""Which calibration holds on a day. For a past day that is read: the kept one of its Monday, or one made now from days
before that Monday. For the days that begin: the one in force, until the next Monday or until settings change it.

Source: SCORING.md 4; HEALTH.md 10 and 11.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from kizashi_common.contracts.commands.health import WorkspaceSettings
from kizashi_health.adapters import calibrations
from kizashi_health.adapters.calibrations import Kind
from kizashi_health.adapters.days import agree_alone, newest_days, put_in_force
from kizashi_health.adapters.population import population
from kizashi_health.domain.account import Account
from kizashi_health.domain.calendar import Day, monday_of
from kizashi_health.domain.calibration import calibrate, member_of, window_start
from kizashi_health.domain.evaluation import boundary
from kizashi_health.domain.pulse import Calibration
from kizashi_health.domain.signal import Workspace


class Stated(NamedTuple):
    """A workspace as calibration asks for it. `applied` is how many events are counted in all."""

    name: str
    settings: WorkspaceSettings
    workspace: Workspace
    observed_from: Day | None
    applied: int


class Calibrations:
    """The calibrations of all workspaces, remembered by what they were made from."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[tuple[int, WorkspaceSettings], dict[Day, Calibration]]] = {}
        self._making: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of_days(self, connection: Any, stated: Stated, days: Iterable[Day]) -> dict[Day, Calibration]:
        """The calibration in force on each Monday that these days belong to; look up by `monday_of(day)`."""
        mondays = sorted({monday_of(day) for day in days})
        # Several reads of one past would otherwise each make the same calibrations.
        async with self._making[stated.name]:
            known = self._known(stated)
            missing = [monday for monday in mondays if monday not in known]
            if missing:
                known |= await self._kept_or_made(connection, stated, missing, "reconstructed")
            return {monday: known[monday] for monday in mondays}

    def _known(self, stated: Stated) -> dict[Day, Calibration]:
        """What was found while exactly these events were counted under these settings."""
        state = (stated.applied, stated.settings)
        seen = self._seen.get(stated.name)
        if seen is None or seen[0] != state:
            seen = self._seen[stated.name] = (state, {})
        return seen[1]

    async def _kept_or_made(
        self, connection: Any, stated: Stated, mondays: list[Day], kind: Kind
    ) -> dict[Day, Calibration]:
        name, settings = stated.name, stated.settings
        versions = await calibrations.data_versions(connection, name, mondays, settings)
        found: dict[Day, Calibration] = {}
        accounts: list[Account] | None = None
        for monday in mondays:
            kept = await calibrations.kept(connection, name, monday, versions[monday])
            if kept is None:
                if accounts is None:
                    accounts = await population(connection, name)
                made = await asyncio.to_thread(_make, accounts, monday, stated)
                how = (kind, self._clock())
                kept = await calibrations.keep(connection, name, made, settings, versions[monday], how)
            found[monday] = kept
        return found

    async def at_start(
        self, connection: Any, stated: Stated, day: Day, before: Calibration | None, *, is_whole: bool
    ) -> Calibration | None:
        """The calibration of a day that begins: the one in force before, until there is a Monday to make one for.

        Of a day whose input is not whole none is made, for what was not read yet would look like silence. What reads
        remember is not asked: their transaction may have been given up, and with it the row that a day would name.
        """
        monday = monday_of(day)
        if not is_whole or (before is not None and before.as_of == monday):
            return before
        return (await self._kept_or_made(connection, stated, [monday], "live"))[monday]

    async def renew(self, connection: Any, stated: Stated, today: Day) -> None:
        """Puts one for this week in force on the last day begun, after settings or the past before it have changed.

        `today`: the day up to which the input of all partitions is proved.
        """
        monday = monday_of(today)
        await agree_alone(connection, stated.name)
        begun = (await newest_days(connection, [stated.name])).get(stated.name)
        if begun is None:
            # The census makes the first one, under the settings that it finds.
            return
        version = (await calibrations.data_versions(connection, stated.name, [monday], stated.settings))[monday]
        accounts = await population(connection, stated.name)
        made = await asyncio.to_thread(_make, accounts, monday, stated)
        how: tuple[Kind, datetime] = ("live", self._clock())
        kept = await calibrations.keep(connection, stated.name, made, stated.settings, version, how)
        await put_in_force(connection, stated.name, begun.day, kept.id)


def _make(accounts: list[Account], monday: Day, stated: Stated) -> Calibration:
    _, settings, workspace, observed_from, _ = stated
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
