"""The completeness witness: looks now and then how far the proof is, and tells its age to whoever asks, at any time.

The age is read off the clock when it is asked for. So it goes on growing when health is dead, when PostgreSQL cannot be
asked, and when the look itself hangs: what cannot be seen does not look young.

Source: OPERATIONS.md 5 and 6.1.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from kizashi_gateway.domain.witness import NEVER, proved_through
from kizashi_gateway.metrics import COMPLETENESS_AGE
from kizashi_gateway.queries.progress import Progress


class Witness:
    """What was last seen."""

    def __init__(self, progress: Progress, clock: Callable[[], datetime]) -> None:
        self._progress = progress
        self._clock = clock
        self._through: datetime | None = None
        COMPLETENESS_AGE.set_function(self.age_s)

    async def look(self) -> None:
        """One look. Raises: Busy, and keeps what was seen before."""
        self._through = proved_through(await self._progress.partitions())

    def age_s(self) -> float:
        """Seconds since the time up to which all input is proved complete; very old while nothing is known."""
        if self._through is None:
            return NEVER.total_seconds()
        return max(0.0, (self._clock() - self._through).total_seconds())
