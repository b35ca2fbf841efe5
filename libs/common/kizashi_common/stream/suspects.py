"""Partitions that failed for a reason that nobody foresaw: which record is it?

What PostgreSQL refuses, or what the engine cannot bear, would end the process again at each start, and with it the work
for everybody. So the records since the last commit are tried again in halves, each committed by itself, until one alone
fails: that one is set aside as a dead letter, and the others are counted.

Source: HEALTH.md 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kizashi_common.contracts.envelope import Record


class _Suspicion(NamedTuple):
    """The culprit lies before `until`; so many records are tried at once, none when it is found."""

    until: int
    most: int
    error: str


class Suspects:
    """For each partition that failed, how far its records are taken with care."""

    def __init__(self) -> None:
        self._held: dict[int, _Suspicion] = {}

    def __contains__(self, partition: int) -> bool:
        return partition in self._held

    def failed(self, partition: int, first: int, until: int, error: Exception) -> bool:
        """Work on the records from `first` to before `until` failed; false when it was none of them, or setting it
        aside failed too.

        The caller drops all that is not committed, and reads from `first` again.
        """
        held = self._held.get(partition)
        if until <= first or (held is not None and not held.most and until <= held.until):
            return False
        self._held[partition] = _Suspicion(until, (until - first) // 2, _text(error))
        return True

    def some(self, partition: int, records: Sequence[Record]) -> Sequence[Record]:
        """Of the next records those that may be tried at once: all of them where nothing is suspected."""
        held = self._held.get(partition)
        if held is not None and records[0].offset >= held.until:
            del self._held[partition]
            held = None
        return records if held is None else records[: max(1, held.most)]

    def culprit(self, partition: int) -> str | None:
        """What the next record, the last of `some`, brought about when it was alone; None when it is no culprit."""
        held = self._held.get(partition)
        return held.error if held is not None and not held.most else None


def _text(error: Exception) -> str:
    """The error as the database takes it, whatever of the record it repeats."""
    text = f"{type(error).__name__}: {error}".replace("\x00", "")
    return text.encode("ascii", "backslashreplace").decode("ascii")[:500]
