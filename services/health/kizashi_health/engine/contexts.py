"""What each workspace lends to the reading of its accounts, kept in memory and renewed by wakes.

A workspace that nobody has described yet reads with the default settings and the calibration of an empty population.

Source: SCORING.md 1 and 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from kizashi_common.contracts.commands.health import WorkspaceSettings
from kizashi_health.domain.calendar import Clock, Day, day_of, local_day, midnight
from kizashi_health.domain.calibration import calibrate
from kizashi_health.domain.pulse import Calibration, PulseSettings
from kizashi_health.domain.signal import Workspace, median
from kizashi_health.engine.rows import Begun, StoredWorkspace

_EPOCH = Day(1)


@dataclass(frozen=True, slots=True)
class Context:
    """A workspace as the engine reads it. `observed_from` is the first day on which anything happened."""

    workspace: Workspace
    observed_from: Day | None

    def observing(self, day: Day) -> Context:
        """The same, knowing that something happened on this day."""
        if self.observed_from is not None and self.observed_from <= day:
            return self
        return replace(self, observed_from=day)


def uncalibrated(settings: WorkspaceSettings, as_of: Day = _EPOCH) -> Calibration:
    """What holds before the first calibration: an empty population, the stated loss."""
    return calibrate([], [], as_of, pulse_settings(settings), settings.monthly_loss, Clock())


def pulse_settings(settings: WorkspaceSettings) -> PulseSettings:
    """The part of the settings that the pulse reads."""
    return PulseSettings(horizon=float(settings.horizon_days), profile=settings.profile)


def workspace_of(stored: StoredWorkspace) -> Workspace:
    """The domain's value of a stored workspace."""
    settings = stored.settings
    present = Workspace(
        zone=ZoneInfo(settings.zone),
        clock=Clock(day_of(day) for day in settings.days_off),
        settings=pulse_settings(settings),
        calibration=uncalibrated(settings),
    )
    return on_day(present, stored.begun)


def on_day(workspace: Workspace, begun: Begun | None) -> Workspace:
    """The workspace under what a day began with: its calibration, and its accounts' revenues then."""
    if begun is None:
        return workspace
    arr = begun.arr_quantiles
    return replace(
        workspace,
        calibration=begun.calibration or workspace.calibration,
        revenues=arr,
        median_revenue=median(arr) if arr else None,
    )


class Contexts:
    """All workspaces of this slot."""

    def __init__(self, stored: Mapping[str, StoredWorkspace]) -> None:
        self._known: dict[str, Context] = {}
        self.renew(stored)

    def __getitem__(self, workspace: str) -> Context:
        found = self._known.get(workspace)
        if found is None:
            found = _context(StoredWorkspace(WorkspaceSettings(), None, None))
            self._known[workspace] = found
        return found

    def midnights(self, now: datetime) -> list[datetime]:
        """When the present day began in each zone of a workspace known here, ascending."""
        zones = {context.workspace.zone for context in self._known.values()}
        return sorted(midnight(local_day(now, zone), zone) for zone in zones)

    def names(self) -> frozenset[str]:
        """Every workspace known here."""
        return frozenset(self._known)

    def renew(self, stored: Mapping[str, StoredWorkspace]) -> None:
        """Takes what the database says now; a first day seen here and not committed yet stays."""
        for name, one in stored.items():
            known = self._known.get(name)
            renewed = _context(one)
            if known is not None and known.observed_from is not None:
                renewed = renewed.observing(known.observed_from)
            self._known[name] = renewed

    def observe(self, workspace: str, day: Day) -> None:
        """Something happened on this day."""
        known = self[workspace]
        observed = known.observing(day)
        if observed is not known:
            self._known[workspace] = observed


def _context(stored: StoredWorkspace) -> Context:
    return Context(workspace_of(stored), stored.first_day)
