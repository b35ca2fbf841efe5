"""Tells the metrics what stands in PostgreSQL, so that somebody is woken when nothing moves.

Counters see only what happens; a delivery that nobody attempts is seen here alone.

Source: OPERATIONS.md 5, "Why age gauges".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from kizashi_alerts.adapters.backlog import Backlog
from kizashi_alerts.metrics import KINDS, OLDEST_DUE, OPEN, PENDING
from kizashi_common.errors import Busy
from kizashi_common.telemetry.logging import get_logger

EVERY: Final = timedelta(seconds=15)

_log = get_logger("alerts")


class Watch:
    """Looks every 15 s. What was found due goes on ageing between looks, and while PostgreSQL cannot be asked."""

    def __init__(self, backlog: Backlog, channel: str, clock: Callable[[], datetime]) -> None:
        self._backlog = backlog
        self._channel = channel
        self._clock = clock
        self._due_since: datetime | None = None
        OLDEST_DUE.labels(channel).set_function(self.oldest_due_s)

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            try:
                await self.look()
            except Busy as error:
                _log.warning("watch_waits", reason=error.reason)
            await asyncio.sleep(EVERY.total_seconds())

    async def look(self) -> None:
        """One look. Raises: Busy."""
        found = await self._backlog.standing(self._clock())
        for kind in KINDS:
            OPEN.labels(kind).set(found.open.get(kind, 0))
        PENDING.labels(self._channel).set(found.unfinished)
        self._due_since = found.due_since

    def oldest_due_s(self) -> float:
        """How long the oldest delivery has been due, in seconds; 0 when none is."""
        return 0.0 if self._due_since is None else max(0.0, (self._clock() - self._due_since).total_seconds())
