"""Offsets told to Kafka now and then, for tools that show lag; nobody reads them back.

Source: HEALTH.md 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from kizashi_common.bus.bus import Consumer
from kizashi_common.stream.slot import Slot

_EVERY: Final = timedelta(seconds=1)


class LagTools:
    """Tells them how far the slots are."""

    def __init__(self, consumer: Consumer, clock: Callable[[], datetime]) -> None:
        self._consumer = consumer
        self._clock = clock
        self._told: dict[int, int] = {}
        self._told_at: datetime | None = None

    async def tell(self, slots: Mapping[int, Slot[Any, Any, Any]]) -> None:
        """Commits what has moved, once in a while."""
        now = self._clock()
        if self._told_at is None or now - self._told_at >= _EVERY:
            self._told_at = now
            offsets = {partition: slot.claim.next_offset for partition, slot in slots.items()}
            moved = {p: offset for p, offset in offsets.items() if self._told.get(p) != offset}
            if moved:
                await self._consumer.commit(moved)
                self._told |= moved
