"""When too many records in a row, or too large a share, cannot be applied, the fault is ours: stop and call a person.

Source: HEALTH.md 12.
"""

from __future__ import annotations

from typing import Final

IN_A_ROW: Final = 1_000
WINDOW: Final = 10_000
SHARE: Final = 0.05


class DeadLetterLimit:
    """Counts what happens to the records of one partition."""

    def __init__(self) -> None:
        self._row = 0
        self._seen = 0
        self._dead = 0

    def exceeded(self, applied_otherwise: int, dead: int) -> bool:
        """Takes the outcome of one batch; true when the partition should stop.

        A batch in which anything was applied breaks the row, so the row counts batches of dead letters only.
        """
        self._row = self._row + dead if applied_otherwise == 0 else 0
        self._seen += applied_otherwise + dead
        self._dead += dead
        over = self._row >= IN_A_ROW or (self._seen >= WINDOW and self._dead > SHARE * self._seen)
        if self._seen >= WINDOW:
            self._seen = self._dead = 0
        return over
