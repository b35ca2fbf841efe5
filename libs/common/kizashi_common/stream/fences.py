"""How long a partition that somebody else took waits before it is claimed again.

A stalled member may claim after the rightful owner; two that claimed at once, again and again, would do nothing else.

Source: HEALTH.md 3, "Liveness".
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

_WAITS: Final = (1.0, 2.0, 4.0)
_FORGOTTEN: Final = timedelta(minutes=1)


class Fences:
    """Remembers, for each partition, how often in a row it was lost to another."""

    def __init__(self) -> None:
        self._lost: dict[int, tuple[int, datetime]] = {}

    def wait(self, partition: int, now: datetime) -> float:
        """It was lost once more; how long to wait. Units: seconds."""
        times, at = self._lost.get(partition, (0, now))
        times = 0 if now - at > _FORGOTTEN else times
        self._lost[partition] = times + 1, now
        return _WAITS[min(times, len(_WAITS) - 1)]
