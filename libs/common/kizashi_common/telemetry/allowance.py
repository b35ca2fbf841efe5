"""How much of what strangers wish is done for them: so much a second, whatever they send."""

from __future__ import annotations

import time
from collections.abc import Callable


class Allowance:
    """So many a second, and as many at once after a quiet time: what strangers may have recorded."""

    def __init__(self, per_second: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._per_second = self._left = per_second
        self._monotonic = monotonic
        self._at = monotonic()

    def refill(self) -> None:
        """As after a long quiet time."""
        self._left = self._per_second

    def take(self) -> bool:
        """Whether one more fits in."""
        now = self._monotonic()
        self._left = min(self._per_second, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
