"""How old the proof is that nothing of the past is missing, as someone sees it who needs no health process.

Source: OPERATIONS.md 5, `completeness_age_seconds`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

NEVER: Final = timedelta(days=400)
"""The age of a proof of which nothing is known: older than any limit, and still a number that can be drawn."""


class PartitionProof(NamedTuple):
    """One partition of the events' topic. `began_at` is since when its events are counted, `through` what is proved."""

    partition: int
    through: datetime | None
    began_at: datetime | None


def proved_through(partitions: Iterable[PartitionProof]) -> datetime | None:
    """The time before which all input of every partition is proved complete; None when nothing is known.

    A partition without any proof, or that nobody has claimed yet, is as old as the counting itself.
    """
    throughs = [one.through or one.began_at for one in partitions]
    known = [through for through in throughs if through is not None]
    return min(known) if known and len(known) == len(throughs) else None
