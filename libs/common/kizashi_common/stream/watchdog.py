"""Ends the process when the bus client has gone silent although a broker answers.

After an outage of a whole cluster the client may stay silent for ever (aiokafka#703). While no broker answers a
connection of its own either, silence is right, and a new start would help nobody. A loop that was itself held up proves
nothing against the client, so its turns are watched too.

Source: HEALTH.md 4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from kizashi_common.bus.bus import Consumer
from kizashi_common.errors import Busy
from kizashi_common.telemetry import metrics

_SILENT: Final = timedelta(seconds=60)
_HELD_UP: Final = timedelta(seconds=10)
_STANDS_STILL: Final = timedelta(seconds=300)
_LOOK_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 10.0


class Watchdog:
    """Watches one consumer; told of each turn by the loop that fetches."""

    def __init__(self, service: str, consumer: Consumer, clock: Callable[[], datetime]) -> None:
        self._consumer = consumer
        self._clock = clock
        self._polled = metrics.consumer_last_poll_timestamp_seconds.labels(service)
        self._turning_since: datetime | None = None
        self._answered_since: datetime | None = None
        self.turned_at: datetime | None = None

    def turned(self) -> None:
        """The loop has turned once more."""
        now = self._clock()
        if self.turned_at is None or self._turning_since is None or now - self.turned_at > _HELD_UP:
            self._turning_since = now
        self.turned_at = now
        self._polled.set(now.timestamp())

    async def run(self, live: Iterable[int]) -> None:
        """Looks every few seconds at the partitions that are live then. Raises: as `look`."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self.look(live)

    async def look(self, live: Iterable[int]) -> None:
        """Compares what the client hears with what a new connection does.

        Raises: RuntimeError when a live partition has been silent for a minute in which a broker answered.
        """
        silent = self._silent(live)
        if silent is None or not await self._broker_answers():
            self._answered_since = None
            return
        now = self._clock()
        self._answered_since = self._answered_since or now
        if now - self._answered_since >= _SILENT:
            raise RuntimeError(f"no fetch of partition {silent} was answered for a minute, though a broker is there")

    def held_up(self) -> str | None:
        """Since when the loop has not turned, once that is too long to be a wait for anybody; else None.

        Source: OPERATIONS.md 4, "livez".
        """
        if self.turned_at is None or self._clock() - self.turned_at < _STANDS_STILL:
            return None
        return f"the consumer has not polled since {self.turned_at:%H:%M:%S} UTC"

    def _silent(self, live: Iterable[int]) -> int | None:
        """A partition of which nothing was heard for a minute in which the loop turned."""
        now = self._clock()
        if self.turned_at is None or self._turning_since is None or now - self.turned_at > _HELD_UP:
            return None
        if now - self._turning_since < _SILENT:
            return None
        answers = {partition: self._consumer.last_answer(partition) for partition in live}
        return next((p for p, at in answers.items() if at is not None and now - at > _SILENT), None)

    async def _broker_answers(self) -> bool:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._consumer.cluster_id()
        except (Busy, TimeoutError):
            return False
        return True
