"""Which first attempts are good ones for the objective `alert-delivery`.

Source: OPERATIONS.md 6.1.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal

SLO: Final = "alert-delivery"
LIMIT: Final = timedelta(seconds=60)
"""An edge of the buckets of `score_to_delivered_seconds`."""

Blame = Literal["nobody", "receiver", "us"]
"""Whose doing it is that an attempt failed."""


def is_good(waited: timedelta, blame: Blame) -> bool | None:
    """Whether the first attempt of a delivery began in time and met no failure of ours; None for what is not judged.

    Args: `waited` is the time from when telling was due to the beginning of the attempt.
    What a receiver refuses, or does not answer in time, is not judged at all, not even its lateness: an endpoint that
    hangs holds up its own next deliveries, since few of one endpoint are in flight.
    """
    if blame == "receiver":
        return None
    return blame == "nobody" and waited <= LIMIT
