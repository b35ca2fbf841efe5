"""How one consumer stands: looked at once a second, beside the loop that reads, so that ages grow while that is stuck.

A partition's series exist while it is assigned here, and no longer: what another process goes on counting must not
stand still here.

Source: OPERATIONS.md 5, `consumer_…` and `outbox_…`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, NamedTuple

from prometheus_client import Counter

from kizashi_common.bus.bus import Consumer
from kizashi_common.stream.slot import Slot
from kizashi_common.stream.waiting import Waiting
from kizashi_common.telemetry import metrics

WORKER: Final = "consume"
"""What the worker that runs a runner is called."""
_EVERY: Final = 1.0
_PER_PARTITION: Final = (metrics.consumer_lag_records, metrics.consumer_oldest_unprocessed_age_seconds)


class Standing(NamedTuple):
    """What a runner lets be looked at: its own collections, which change as it works."""

    assigned: Collection[int]
    slots: Mapping[int, Slot[Any, Any, Any]]
    stopped: Collection[int]


class StreamMeter:
    """Measures one runner. `sends` is whether its slots have outboxes to look at."""

    def __init__(
        self, service: str, topic: str, consumer: Consumer, clock: Callable[[], datetime], *, sends: bool
    ) -> None:
        self._service = service
        self._topic = topic
        self._consumer = consumer
        self._clock = clock
        self._sends = sends
        if sends:
            metrics.outbox_pending_rows.labels(service)
            metrics.outbox_oldest_age_seconds.labels(service)
        self._shown: set[int] = set()
        self._outcomes: dict[int, tuple[Counter, ...]] = {}
        self._behind: dict[int, datetime] = {}
        self._unsent: dict[int, Waiting] = {}
        self._draining: set[int] = set()

    # -- what happens

    def counted(self, partition: int, counts: Sequence[int]) -> None:
        """So many records had these outcomes, and that is committed."""
        known = self._outcomes.get(partition)
        if known is None:
            known = self._show(partition)
        for series, count in zip(known, counts, strict=True):
            if count:
                series.inc(count)

    def join_failed(self) -> None:
        """The broker was not there; joining begins again."""
        metrics.worker_restarts_total.labels(self._service, WORKER).inc()

    def rebalanced(self) -> None:
        """Partitions were assigned anew."""
        metrics.consumer_rebalances_total.labels(self._service).inc()

    def loaded(self, seconds: float) -> None:
        """A slot was claimed and loaded."""
        metrics.consumer_load_seconds.labels(self._service).observe(seconds)

    def stopped(self, reason: str) -> None:
        """A partition stopped until a person looks."""
        metrics.consumer_partition_stops_total.labels(self._service, reason).inc()

    def fenced(self) -> None:
        """A flush was refused, since another owns the slot."""
        metrics.consumer_fenced_total.labels(self._service).inc()

    @contextmanager
    def draining(self, partition: int) -> Iterator[None]:
        """Around the last flush of a partition that leaves."""
        self._draining.add(partition)
        try:
            yield
        finally:
            self._draining.discard(partition)

    # -- how it stands

    async def run(self, standing: Standing) -> None:
        """Looks once a second until cancelled."""
        while True:
            self.look(standing)
            await asyncio.sleep(_EVERY)

    def left(self) -> None:
        """The consumer has left its group: nothing is assigned any more."""
        self.look(Standing((), {}, ()))

    def look(self, standing: Standing) -> None:
        """Sets every gauge to what is so now."""
        now = self._clock()
        self._states(standing)
        for partition in self._shown - set(standing.assigned):
            self._hide(partition)
        for partition in standing.assigned:
            self._partition(partition, standing.slots.get(partition), now)
        if self._sends:
            self._outboxes(standing.slots, now)

    def _states(self, standing: Standing) -> None:
        stopped = len(standing.stopped)
        loading = len(set(standing.assigned) - standing.slots.keys() - set(standing.stopped))
        states = {"loading": loading, "live": len(standing.slots), "draining": len(self._draining), "stopped": stopped}
        for state, count in states.items():
            metrics.consumer_partitions.labels(self._service, self._topic, state).set(count)
        stuck = sum(slot.stuck is not None for slot in standing.slots.values())
        for reason, count in (("loading", loading), ("backpressure", stuck), ("stopped", stopped)):
            metrics.consumer_paused_partitions.labels(self._service, reason).set(count)

    def _partition(self, partition: int, slot: Slot[Any, Any, Any] | None, now: datetime) -> None:
        if partition not in self._shown:
            self._show(partition)
        end = None if slot is None else self._consumer.high_water(partition)
        lag = 0 if slot is None or end is None else max(0, end - slot.claim.next_offset)
        if slot is not None:
            self._lag(partition, lag)
        since = self._behind_since(partition, slot, now, lags=lag > 0)
        if since is None:
            self._behind.pop(partition, None)
        else:
            self._behind[partition] = since
        age = 0.0 if since is None else max(0.0, (now - since).total_seconds())
        metrics.consumer_oldest_unprocessed_age_seconds.labels(self._service, self._topic, str(partition)).set(age)

    def _lag(self, partition: int, lag: int) -> None:
        metrics.consumer_lag_records.labels(self._service, self._topic, str(partition)).set(lag)

    def _behind_since(
        self, partition: int, slot: Slot[Any, Any, Any] | None, now: datetime, *, lags: bool
    ) -> datetime | None:
        """When the oldest record that is not committed was appended, as well as that is known."""
        known = self._behind.get(partition)
        if slot is None:
            # Nothing is read of it, so what waits cannot be seen; it may be assumed that something does.
            return known or now
        if slot.oldest is not None:
            return slot.oldest
        if not lags:
            return None
        if known is None:
            return now
        # Appending is in order: what comes next is not older than what was applied last.
        return known if slot.latest is None else max(known, slot.latest)

    def _outboxes(self, slots: Mapping[int, Slot[Any, Any, Any]], now: datetime) -> None:
        waiting = {p: slot.outbox for p, slot in slots.items() if slot.outbox.waiting}
        self._unsent = {p: self._unsent.get(p) or Waiting() for p in waiting}
        ages = [
            self._unsent[p].age(
                outbox.published_through + 1, outbox.published_through + outbox.waiting, now.timestamp()
            )
            for p, outbox in waiting.items()
        ]
        metrics.outbox_pending_rows.labels(self._service).set(sum(outbox.waiting for outbox in waiting.values()))
        metrics.outbox_oldest_age_seconds.labels(self._service).set(max(ages, default=0.0))

    # -- series

    def _show(self, partition: int) -> tuple[Counter, ...]:
        where = (self._service, self._topic, str(partition))
        for gauge in _PER_PARTITION:
            gauge.labels(*where)
        made = tuple(metrics.consumer_records_total.labels(*where, outcome) for outcome in metrics.OUTCOMES)
        self._shown.add(partition)
        self._outcomes[partition] = made
        return made

    def _hide(self, partition: int) -> None:
        where = (self._service, self._topic, str(partition))
        for gauge in _PER_PARTITION:
            gauge.remove(*where)
        for outcome in metrics.OUTCOMES:
            metrics.consumer_records_total.remove(*where, outcome)
        self._shown.discard(partition)
        self._outcomes.pop(partition, None)
        self._behind.pop(partition, None)
