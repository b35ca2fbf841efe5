"""What is in the house now: requests, bytes of their bodies, and the earliest receipt that is not yet durable.

The first two bound memory before it is used. The third is what a heartbeat may promise: everything received before it
is acknowledged, or was never accepted.

Source: INGEST.md 1.6, 3.1, 8 and 9.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from kizashi_common.errors import Busy
from kizashi_ingest import metrics
from kizashi_ingest.domain.timing import cut


@dataclass(frozen=True, slots=True)
class Room:
    """Units: requests, and bytes of bodies; `unknown_bytes` bounds those whose key is still to be read in them."""

    requests: int = 256
    body_bytes: int = 256 * 1_048_576
    unknown_bytes: int = 64 * 1_048_576


class Share:
    """One request's share of the room: grows as its body comes in."""

    def __init__(self, house: InFlight) -> None:
        self._house = house
        self._known = 0
        self._unknown = 0

    def grow(self, size: int, *, is_known: bool) -> None:
        """Takes that many bytes more. Raises: Busy when there is no room."""
        self._house.take(size, 0 if is_known else size)
        self._known += size
        self._unknown += 0 if is_known else size

    def give_back(self) -> None:
        """Gives all of it back; twice is harmless."""
        self._house.take(-self._known, -self._unknown)
        self._known = self._unknown = 0


class InFlight:
    """The requests that this node is working on."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._requests = 0
        self._bytes = 0
        self._unknown = 0
        self._received: Counter[datetime] = Counter()
        self._promised: datetime | None = None
        self.is_open = False
        """Set by the first sign of life: a node that nobody counts must not accept."""

    @contextmanager
    def request(self) -> Iterator[Share]:
        """A request is being worked on until the block ends. Raises: Busy when the house is full or not open yet."""
        if not self.is_open:
            raise Busy("This process is starting.")
        if self._requests >= self._room.requests:
            raise Busy("Too many requests at once.")
        self._requests += 1
        share = Share(self)
        try:
            yield share
        finally:
            self._requests -= 1
            share.give_back()

    def take(self, size: int, unknown: int) -> None:
        """Counts bytes. Raises: Busy when there is no room, and counts nothing."""
        room = self._room
        if size > 0 and self._bytes + size > room.body_bytes:
            raise Busy("Too much is being received at once.")
        if unknown > 0 and self._unknown + unknown > room.unknown_bytes:
            raise Busy("Too much is being received at once.")
        self._bytes += size
        self._unknown += unknown
        metrics.body_bytes_in_flight.set(self._bytes)

    def receive(self, now: datetime) -> datetime:
        """The time of receipt, to the millisecond; never before what was promised, whatever the clock says."""
        at = cut(now)
        if self._promised is not None and at < self._promised:
            at = self._promised
        self._received[at] += 1
        return at

    def settle(self, received_at: datetime) -> None:
        """The fate of everything received in that request is known."""
        self._received[received_at] -= 1
        if self._received[received_at] <= 0:
            del self._received[received_at]

    def promise(self, now: datetime) -> datetime:
        """The time before which all that was accepted is acknowledged. What comes later is received at it, or later."""
        through = min(self._received, default=cut(now))
        self._promised = through if self._promised is None else max(self._promised, through)
        return self._promised

    @property
    def is_empty(self) -> bool:
        """Nothing is being worked on."""
        return self._requests == 0
