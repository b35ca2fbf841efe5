"""The ledger of the partitions of this process, looked at each minute: a finding is loss or doubling, and pages.

Counters of what happened can be lost in a crash; this asks what is so.

Source: OPERATIONS.md 5 and 6.1, "No loss".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final

from kizashi_common.db.database import Database
from kizashi_common.errors import Busy
from kizashi_common.stream.slot import Slot
from kizashi_common.telemetry import metrics as shared
from kizashi_common.telemetry.logging import get_logger
from kizashi_health import metrics
from kizashi_health.adapters.invariants import Look, Mark, Standings, look, standings

EVERY: Final = timedelta(minutes=1)
WHOLE: Final = 5
"""One look in so many adds up the day rows of a partition, the only part that grows with the past."""
WORKER: Final = "invariants"


class Invariants:
    """Every process looks at what it owns, so a look costs the same however many there are."""

    def __init__(
        self, database: Database, live: Callable[[], Mapping[int, Slot[Any, Any, Any]]], clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._live = live
        self._clock = clock
        self._marks: dict[int, Mark] = {}
        self._turn = count()
        self._restarts = shared.worker_restarts_total.labels("health", WORKER)
        self._log = get_logger("health")

    async def run(self) -> None:
        """Looks until cancelled; the first time at once, so that what a crash left behind is found at the start."""
        while True:
            try:
                await self.look()
            except Busy as error:
                self._restarts.inc()
                self._log.warning("invariants_not_checked", reason=error.reason)
            await asyncio.sleep(EVERY.total_seconds())

    async def look(self) -> None:
        """Looks once, in one snapshot. Raises: Busy."""
        slots = sorted(slot.claim.slot for slot in self._live().values())
        if not slots:
            self._marks = {}
            return
        async with self._database.transaction(read_only=True) as connection:
            found = await look(connection, slots, self._marks, self._whole(slots), self._clock())
            seen = await standings(connection, slots)
        self._tell(found)
        _show(seen)

    def _whole(self, slots: Sequence[int]) -> int | None:
        turn, rest = divmod(next(self._turn), WHOLE)
        return None if rest else slots[turn % len(slots)]

    def _tell(self, found: Look) -> None:
        self._marks = found.marks
        for finding in found.findings:
            metrics.invariant_violations_total.labels(finding.invariant).inc()
            self._log.error(
                "invariant_broken", reason=finding.invariant, partition=finding.slot % 1000, detail=finding.detail
            )


def _show(seen: Standings) -> None:
    for band in metrics.BANDS:
        metrics.accounts.labels(band).set(seen.bands.get(None if band == metrics.NO_BAND else band, 0))
    metrics.low_evidence_accounts.set(seen.low_evidence)
