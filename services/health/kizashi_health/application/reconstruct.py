"""After an import: the daily scores that would have been, so that charts and rules have a past.

Rows say `reconstructed`; a row that was shown on its day stays beside it and wins. Days are read through the same
function as live ones, each under the calibration of its Monday and the facts of its time.

Source: HEALTH.md 11.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from kizashi_common.contracts.commands.health import ReconstructionAnswer
from kizashi_common.db.database import Database
from kizashi_common.errors import Conflict
from kizashi_health.adapters.accounts import AccountReader
from kizashi_health.adapters.days import renew_revenues
from kizashi_health.adapters.history import HistoryWriter
from kizashi_health.adapters.population import population
from kizashi_health.adapters.progress import progress, wake_slots
from kizashi_health.adapters.workspaces import stored_workspaces
from kizashi_health.application.calibrating import Calibrations, Stated
from kizashi_health.domain.account import Account
from kizashi_health.domain.calendar import Day, date_of, local_day, monday_of
from kizashi_health.domain.card import customers_ladder
from kizashi_health.domain.evaluation import Evaluation, boundary, evaluate, recomputed_history
from kizashi_health.domain.pulse import Calibration
from kizashi_health.domain.score import BOUNDARIES
from kizashi_health.domain.signal import Workspace, median
from kizashi_health.domain.windows import ROWS_READ
from kizashi_health.engine.contexts import workspace_of
from kizashi_health.engine.rows import StoredAccount
from kizashi_health.engine.walks import HISTORY

_PAST: Final = 2 * BOUNDARIES


class Span(NamedTuple):
    """The days to write, and what every account needs for them."""

    first: Day
    last: Day
    workspace: Workspace
    observed_from: Day | None
    calibrations: Mapping[Day, Calibration]


class Reconstruct:
    """Writes the past of one workspace."""

    def __init__(self, database: Database, calibrations: Calibrations, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._calibrations = calibrations
        self._clock = clock
        self._reader = AccountReader()
        self._running: set[str] = set()

    async def run(self, name: str, days: int) -> ReconstructionAnswer:
        """Writes the last `days` day boundaries of every account, then lets all slots read them.

        Raises: Conflict while one is running, or while nothing is proved complete yet.
        """
        async with self._alone(name):
            async with self._database.transaction() as connection:
                span = await self._span(connection, name, days)
            accounts, rows = await self._write(name, span)
            async with self._database.transaction() as last:
                slots = (await progress(last)).slots
                await wake_slots(last, slots, name, HISTORY)
        return ReconstructionAnswer(
            accounts=accounts, rows=rows, from_day=date_of(span.first), to_day=date_of(span.last)
        )

    async def _write(self, name: str, span: Span) -> tuple[int, int]:
        """How many accounts and rows were written."""
        reading, writing = await self._database.connect(), await self._database.connect()
        writer, accounts, rows = HistoryWriter(), 0, 0
        try:
            async for stored in self._reader.workspace(reading, name, Day(span.first - ROWS_READ)):
                accounts += 1
                rows += await writer.write(writing, stored, _evaluations(stored, span))
                # One account's past takes some tens of milliseconds: let the consumers have their turn.
                await asyncio.sleep(0)
        finally:
            await reading.close()
            await writing.close()
        return accounts, rows

    @asynccontextmanager
    async def _alone(self, name: str) -> AsyncIterator[None]:
        if name in self._running:
            raise Conflict("A reconstruction of this workspace is running.", code="in_progress")
        self._running.add(name)
        try:
            yield
        finally:
            self._running.discard(name)

    async def _span(self, connection: Any, name: str, days: int) -> Span:
        reached = await progress(connection)
        through = reached.earliest
        if through is None:
            raise Conflict("Nothing is proved complete yet; try again in a moment.", code="not_complete")
        stored = (await stored_workspaces(connection, [name]))[name]
        workspace = workspace_of(stored)
        last = local_day(through, workspace.zone)
        first = Day(last - days + 1)
        every = [Day(day) for day in range(first - _PAST, last + 1)]
        stated = Stated(name, stored.settings, workspace, stored.first_day, reached.applied)
        made = await self._calibrations.of_days(connection, stated, every)
        # What the present day says of the whole workspace is older than the import, if it began before it.
        await self._calibrations.renew(connection, stated, last)
        revenues = customers_ladder(
            await population(connection, name), boundary(Day(last + 1), workspace, stored.first_day)
        )
        await renew_revenues(connection, name, last, revenues)
        workspace = replace(workspace, revenues=revenues, median_revenue=median(revenues) if revenues else None)
        return Span(first, last, workspace, stored.first_day, made)


def _evaluations(stored: StoredAccount, span: Span) -> list[Evaluation]:
    account = Account(stored.key.external_id, stored.named_day, stored.activity, stored.facts)
    before = [boundary(Day(day), span.workspace, span.observed_from) for day in range(span.first - _PAST, span.first)]
    history = list(recomputed_history(account, span.workspace, before, lambda day: span.calibrations[monday_of(day)]))
    found: list[Evaluation] = []
    for day in range(span.first, span.last + 1):
        moment = boundary(Day(day), span.workspace, span.observed_from)
        if account.start(moment) is None:
            continue
        then = replace(span.workspace, calibration=span.calibrations[monday_of(Day(day))])
        evaluation = evaluate(account, then, moment, history)
        history.append(evaluation.day_score)
        found.append(evaluation)
    return found
