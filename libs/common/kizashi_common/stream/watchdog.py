"""Ends the process when the bus client has gone silent though its loop turned all the while.

After an outage of a whole cluster the client may stay silent for ever (aiokafka#703). A loop that was itself held up
proves nothing against the client, so its turns are watched too.

Source: HEALTH.md 4.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from kizashi_common.bus.bus import Consumer
from kizashi_common.telemetry import metrics

_SILENT: Final = timedelta(seconds=60)
_HELD_UP: Final = timedelta(seconds=10)
_STANDS_STILL: Final = timedelta(seconds=300)


class Watchdog:
    """Watches one consumer from the loop that fetches."""

    def __init__(self, service: str, consumer: Consumer) -> None:
        self._consumer = consumer
        self._polled = metrics.consumer_last_poll_timestamp_seconds.labels(service)
        self._turning_since: datetime | None = None
        self.turned_at: datetime | None = None

    def turned(self, now: datetime, live: Iterable[int]) -> None:
        """The loop has turned once more. Raises: RuntimeError when a live partition was not answered for a minute."""
        if self.turned_at is None or self._turning_since is None or now - self.turned_at > _HELD_UP:
            self._turning_since = now
        self.turned_at = now
        self._polled.set(now.timestamp())
        if now - self._turning_since < _SILENT:
            return
        for partition in live:
            answered = self._consumer.last_answer(partition)
            if answered is not None and now - answered > _SILENT:
                raise RuntimeError(f"no fetch of partition {partition} was answered for a minute")

    def held_up(self, now: datetime) -> str | None:
        """Since when the loop has not turned, once that is too long to be a wait for anybody; else None.

        Source: OPERATIONS.md 4, "livez".
        """
        if self.turned_at is None or now - self.turned_at < _STANDS_STILL:
            return None
        return f"the consumer has not polled since {self.turned_at:%H:%M:%S} UTC"
