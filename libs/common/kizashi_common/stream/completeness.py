"""Up to when the input of a partition is proved whole.

Two witnesses must agree: the log (everything in it up to some instant is applied) and ingest's heartbeat (everything
accepted up to some instant is in the log). The answer is the earlier of both, and it never goes back.

Source: HEALTH.md 8.
"""

from __future__ import annotations

from datetime import datetime


class Completeness:
    """The proof for one partition. Starts from what was committed."""

    def __init__(self, through: datetime | None) -> None:
        self.through = through
        self._log: datetime | None = None

    def log_reached(self, at: datetime) -> None:
        """At `at` a fetch answer showed that nothing lay beyond what is applied."""
        self._log = at if self._log is None else max(self._log, at)

    def log_applied(self, appended_at: datetime) -> None:
        """While lagging: the broker's time of the last applied record; appending is in order."""
        self._log = appended_at if self._log is None else max(self._log, appended_at)

    def heard(self, complete_through: datetime | None) -> datetime | None:
        """What is proved, given the latest heartbeat that was applied; None while nothing is."""
        if complete_through is not None and self._log is not None:
            proved = min(complete_through, self._log)
            self.through = proved if self.through is None else max(self.through, proved)
        return self.through
