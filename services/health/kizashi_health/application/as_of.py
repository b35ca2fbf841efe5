"""A score as of any day, from what is known now of the days before it. Nothing later is ever used.

The same function that scores live events scores a past day; only the moment differs, and the bands are replayed over
the boundaries before it.

Source: HEALTH.md 10, "As-of reads".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Final, NamedTuple
from uuid import UUID

from kizashi_common.contracts.commands.health import (
    CalibrationAnswer,
    PulseAnswer,
    ReadBasis,
    ScoreAnswer,
    SignalsAnswer,
)
from kizashi_common.contracts.ids import shown
from kizashi_common.db.database import Database, driver_of
from kizashi_common.errors import Absent
from kizashi_health.adapters.accounts import AccountReader
from kizashi_health.adapters.days import day_at
from kizashi_health.adapters.progress import progress
from kizashi_health.adapters.workspaces import stored_workspaces
from kizashi_health.application.calibrating import Calibrations, Stated
from kizashi_health.domain.account import Account, Moment
from kizashi_health.domain.calendar import Day, date_of, local_day, monday_of, named_day
from kizashi_health.domain.evaluation import Evaluation, boundary, current, evaluate, live_day, recomputed_history
from kizashi_health.domain.pulse import Calibration
from kizashi_health.domain.score import BOUNDARIES, DayScore
from kizashi_health.domain.signal import Workspace
from kizashi_health.domain.windows import ROWS_READ
from kizashi_health.engine.contexts import on_day, workspace_of
from kizashi_health.engine.rows import Begun

_PAST: Final = 2 * BOUNDARIES
_ROWS: Final = ROWS_READ + _PAST
_NO_DAY: Final = Begun(Day(1), None, ())
"""Before the first day that began nothing is known of the workspace's revenues."""


class Reading(NamedTuple):
    """An account as of a day, and how the answer came about."""

    account: UUID
    evaluation: Evaluation
    calibration: Calibration
    workspace: Workspace
    complete_through: datetime | None
    stale: bool
    basis: ReadBasis


class AsOf:
    """Answers reads; any process can, since it reads committed rows only."""

    def __init__(self, database: Database, calibrations: Calibrations, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._calibrations = calibrations
        self._clock = clock
        self._reader = AccountReader()

    async def score(self, workspace: str, account: UUID, as_of: date | datetime | None) -> ScoreAnswer:
        """The score with its pulse, at the start of the named day. Raises: Absent."""
        return score_answer(await self._read(workspace, account, as_of))

    async def signals(self, workspace: str, account: UUID, as_of: date | datetime | None) -> SignalsAnswer:
        """Every known signal. Raises: Absent."""
        reading = await self._read(workspace, account, as_of)
        evaluation = reading.evaluation
        return SignalsAnswer(
            account=shown("acc", account),
            as_of=date_of(evaluation.moment.as_of),
            signals=dict(sorted(evaluation.signals.items())),
        )

    async def _read(self, name: str, account: UUID, as_of: date | datetime | None) -> Reading:
        async with self._database.transaction() as connection:
            raw = await driver_of(connection)
            reached = await progress(connection)
            through = reached.earliest
            stored_workspace = (await stored_workspaces(connection, [name]))[name]
            workspace = workspace_of(stored_workspace)
            asked = None if as_of is None else named_day(as_of, workspace.zone)
            since = Day(max(1, (asked or local_day(through or self._clock(), workspace.zone)) - _ROWS))
            stored = await self._reader.one(raw, name, account, since)
            if stored is None:
                raise Absent("There is no such account.")
            read = Account(stored.key.external_id, stored.named_day, stored.activity, stored.facts)
            moment, basis = self._moment(read, workspace, asked, through, stored_workspace.first_day)
            if basis == "live":
                evaluation = evaluate(read, workspace, moment, stored.history)
                return Reading(account, evaluation, workspace.calibration, workspace, through, through is None, basis)
            past = [Day(day) for day in range(max(1, moment.as_of - _PAST), moment.as_of)]
            first, settings = stored_workspace.first_day, stored_workspace.settings
            stated = Stated(name, settings, workspace, first, reached.applied)
            made = await self._calibrations.of_days(connection, stated, [*past, moment.as_of])
            workspace = on_day(workspace, await day_at(connection, name, moment.as_of) or _NO_DAY)
            await self._reader.logins_before(raw, stored, moment.as_of)
        workspace = replace(workspace, calibration=made[monday_of(moment.as_of)])
        history = _history(read, workspace, past, made, first)
        stale = through is None or (asked is not None and moment.as_of < asked)
        evaluation = evaluate(read, workspace, moment, history)
        return Reading(account, evaluation, workspace.calibration, workspace, through, stale, basis)

    def _moment(
        self, account: Account, workspace: Workspace, asked: Day | None, through: datetime | None, first: Day | None
    ) -> tuple[Moment, ReadBasis]:
        today = None if through is None else local_day(through, workspace.zone)
        if asked is not None:
            day = asked if today is None else min(asked, today)
            return boundary(day, workspace, first), "recomputed"
        return current(through or self._clock(), live_day(account, today), first), "live"


def _history(
    account: Account, workspace: Workspace, past: list[Day], made: dict[Day, Calibration], first: Day | None
) -> tuple[DayScore, ...]:
    moments = [boundary(day, workspace, first) for day in past]
    return recomputed_history(account, workspace, moments, lambda day: made[monday_of(day)])


def score_answer(reading: Reading) -> ScoreAnswer:
    """The contract's answer."""
    evaluation = reading.evaluation
    result = evaluation.score
    return ScoreAnswer(
        account=shown("acc", reading.account),
        as_of=date_of(evaluation.moment.as_of),
        complete_through=reading.complete_through,
        stale=reading.stale,
        basis=reading.basis,
        score=result.value,
        band=result.band,
        evidence=result.evidence,
        coverage=result.coverage,
        model=result.model,
        pulse=_pulse_answer(reading),
    )


def _pulse_answer(reading: Reading) -> PulseAnswer | None:
    pulse, settings = reading.evaluation.pulse, reading.workspace.settings
    if pulse is None:
        return None
    return PulseAnswer(
        probability=pulse.probability,
        low=pulse.low,
        high=pulse.high,
        health=pulse.health,
        baseline=pulse.baseline,
        points={**dict(pulse.points.items())},
        scale=pulse.scale,
        horizon_days=int(settings.horizon),
        profile=settings.profile,
        calibration=calibration_answer(reading.calibration),
    )


def calibration_answer(calibration: Calibration) -> CalibrationAnswer:
    """A calibration as the contract shows it."""
    return CalibrationAnswer(
        id=calibration.id,
        as_of=date_of(calibration.as_of),
        basis=calibration.basis,
        prior_pace=calibration.prior_pace,
        base_rate=calibration.base_rate,
        intercept=calibration.intercept,
        slope=calibration.slope,
        typical={**dict(calibration.typical.items())},
        accounts=calibration.accounts,
        outcomes=calibration.outcomes,
    )
