"""How long the oldest of some numbered things has waited, when all that is known are looks at the first and the last.

A number waits at least since the first look that saw one as high. So the age is right to the pace of looking, while a
long queue moves as well.
"""

from __future__ import annotations

from collections import deque


class Waiting:
    """One queue."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, float]] = deque()

    def age(self, first: int | None, last: int, now: float) -> float:
        """How long `first` has waited; it is None when nothing waits. Units: seconds, of any steady clock."""
        if first is None:
            self._seen.clear()
            return 0.0
        if not self._seen or last > self._seen[-1][0]:
            self._seen.append((last, now))
        while self._seen[0][0] < first:
            self._seen.popleft()
        return max(0.0, now - self._seen[0][1])
