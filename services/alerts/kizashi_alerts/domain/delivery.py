"""When to try again, and when to give up: the channel says whether trying can help, this alone says when.

Source: ALERTS.md 11.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Final, Literal, NamedTuple

SCHEDULE: Final = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""The delay before each attempt: ten of them, about 76 hours."""
ATTEMPTS: Final = len(SCHEDULE)
JITTER: Final = 0.2
SLOW_DOWN: Final = timedelta(seconds=60)
LEASE_GRACE: Final = timedelta(seconds=30)

State = Literal["delivered", "waiting", "rejected", "exhausted"]


class Failure(NamedTuple):
    """Why an attempt failed. `crowded` means a timeout or 429: the receiver needs air."""

    final: bool
    crowded: bool = False
    retry_after: timedelta | None = None


class Next(NamedTuple):
    """What becomes of a delivery; `after` is the delay of the next attempt while it waits."""

    state: State
    after: timedelta | None = None


def after_attempt(number: int, failure: Failure | None, jitter: float) -> Next:
    """What follows attempt `number`, counted from 1.

    Units: `jitter` from -1 to 1, spread over 20 % of the delay, so that a receiver is not met by all at once.
    A receiver's Retry-After holds within once and twice the scheduled delay: it may slow us, not park us.
    """
    if failure is None:
        return Next("delivered")
    if failure.final:
        return Next("rejected")
    if number >= ATTEMPTS:
        return Next("exhausted")
    scheduled = SCHEDULE[number]
    delay = scheduled * (1 + JITTER * jitter)
    if failure.retry_after is not None:
        delay = min(max(failure.retry_after, scheduled), 2 * scheduled)
    if failure.crowded:
        delay = max(delay, SLOW_DOWN)
    return Next("waiting", delay)


def wants(chosen: Collection[str], event: str) -> bool:
    """Whether an endpoint that chose these types is sent this one; no choice is every type."""
    return not chosen or event in chosen
