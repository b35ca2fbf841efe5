"""Drives every partition of one topic: claim → open → seek → read, apply → flush → publish.

One loop reads for all slots; a loader brings partitions up beside it. Correctness never lives in the rebalance
listener: records of a slot that is not live are dropped and read again after its seek, and a batch that does not
begin exactly at the position is not applied. The lock of a slot is never held around a fetch, since the revoke
callback takes it.

Source: HEALTH.md 1, 3, 4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Generic

from kizashi_common.bus.bus import Consumer, Producer
from kizashi_common.contracts.envelope import Record
from kizashi_common.errors import Busy, Fenced, KizashiError, LogGap, LogReset
from kizashi_common.stream.attach import Finding, compare
from kizashi_common.stream.ledger import Ledger
from kizashi_common.stream.shapes import F, K, R, Store
from kizashi_common.stream.slot import Beat, Slot
from kizashi_common.stream.slot_outbox import SlotOutbox
from kizashi_common.telemetry import metrics
from kizashi_common.telemetry.logging import get_logger

_IDLE: Final = timedelta(milliseconds=200)
_BUSY: Final = timedelta(milliseconds=20)
_MOST: Final = 5_000
_SILENT: Final = timedelta(seconds=60)
_LAGGING: Final = timedelta(seconds=10)
_BACKOFF: Final = (0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Stream(Generic[K, R, F]):
    """What a runner is made of. `sends_to` is the topic of the slots' outboxes; without one engines send nothing."""

    service: str
    topic: str
    consumer: Consumer
    producer: Producer
    ledger: Ledger
    store: Store[K, R, F]
    clock: Callable[[], datetime]
    sends_to: str
    replaceable: bool = False
    beat: Beat = field(default_factory=Beat)


class Runner(Generic[K, R, F]):
    """One consumer process of one topic. `run` ends only when it is cancelled or the process must end."""

    def __init__(self, stream: Stream[K, R, F]) -> None:
        self._stream = stream
        self._consumer = stream.consumer
        self._slots: dict[int, Slot[K, R, F]] = {}
        self._stopped: dict[int, str] = {}
        self._loading: asyncio.Queue[tuple[int, int]] = asyncio.Queue()
        self._cluster: str | None = None
        self._turning_since: datetime | None = None
        self._turned_at: datetime | None = None
        self._woken_at: dict[int, datetime] = {}
        self._turns = 0
        self._log = get_logger(stream.service).bind(topic=stream.topic)

    # -- the outside

    async def run(self) -> None:
        """Joins the group and works until cancelled."""
        await self._join()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._load_forever())
                group.create_task(self._read_forever())
        finally:
            await self._leave()

    def ready(self) -> str | None:
        """None when every assigned partition is live, else what is missing."""
        if self._turned_at is None:
            return "the consumer has not joined its group"
        if self._stopped:
            return "; ".join(f"partition {p} stopped: {why}" for p, why in sorted(self._stopped.items()))
        waiting = self._consumer.assignment() - self._slots.keys()
        return f"loading partitions {sorted(waiting)}" if waiting or not self._slots else None

    def owns(self, partition: int) -> bool:
        """Whether this process is the live owner of a partition."""
        return partition in self._slots

    async def drained(self) -> None:
        """Returns when everything that is in the log now is applied, committed and published; for an orderly stop."""
        since, turn = self._stream.clock(), self._turns
        while self._turns < turn + 2 or not all(self._is_drained(p, slot, since) for p, slot in self._slots.items()):
            await asyncio.sleep(_BUSY.total_seconds())

    def _is_drained(self, partition: int, slot: Slot[K, R, F], since: datetime) -> bool:
        answered = self._consumer.last_answer(partition)
        # An answer from before the question may not show what was sent since.
        caught_up = answered is not None and answered >= since
        caught_up = caught_up and slot.engine.position == self._consumer.high_water(partition)
        return caught_up and slot.dirty_since is None and not slot.outbox.waiting and slot.stuck is None

    # -- coming and going

    async def _join(self) -> None:
        for attempt in range(1_000_000):
            try:
                self._cluster = await self._consumer.cluster_id()
                await self._consumer.start(self)
                return
            except Busy:
                self._log.warning("consumer_waits_for_broker", attempt=attempt)
                await asyncio.sleep(_BACKOFF[min(attempt, len(_BACKOFF) - 1)])

    async def _leave(self) -> None:
        for partition in list(self._slots):
            await self._give_up(partition)
        await self._consumer.stop()
        await self._stream.ledger.close()

    async def assigned(self, partitions: frozenset[int]) -> None:
        """The listener's part: only remembers; loading happens beside."""
        for partition in sorted(partitions):
            self._loading.put_nowait((partition, 0))
        self._count_states()

    async def revoked(self, partitions: frozenset[int]) -> None:
        """Flushes and drops what leaves."""
        self._stopped = {p: why for p, why in self._stopped.items() if p not in partitions}
        for partition in partitions:
            await self._give_up(partition)
        self._count_states()

    async def _give_up(self, partition: int) -> None:
        slot = self._slots.get(partition)
        if slot is None:
            return
        async with slot.lock:
            self._slots.pop(partition, None)
            try:
                if slot.dirty_since is not None or slot.stuck is not None:
                    await slot.flush(self._stream.ledger, self._stream.clock())
                await slot.outbox.publish()
            except KizashiError as error:
                # Nothing is lost: offset and state are both uncommitted, or both committed and unpublished.
                self._log.warning("slot_left_unflushed", partition=partition, reason=error.reason)

    # -- loading

    async def _load_forever(self) -> None:
        async with asyncio.TaskGroup() as retries:
            while True:
                partition, attempt = await self._loading.get()
                if partition not in self._consumer.assignment() or partition in self._slots:
                    continue
                try:
                    self._slots[partition] = await self._load(partition)
                    self._stopped.pop(partition, None)
                    self._consumer.resume([partition])
                except (LogReset, LogGap) as error:
                    self._stop(partition, error)
                except (Busy, Fenced) as error:
                    self._log.warning("slot_load_failed", partition=partition, reason=error.reason, attempt=attempt)
                    retries.create_task(self._again(partition, attempt))
                self._count_states()

    async def _again(self, partition: int, attempt: int) -> None:
        await asyncio.sleep(_BACKOFF[min(attempt, len(_BACKOFF) - 1)])
        self._loading.put_nowait((partition, attempt + 1))

    async def _load(self, partition: int) -> Slot[K, R, F]:
        stream = self._stream
        count = stream.producer.partitions(stream.topic)
        claim = await stream.ledger.claim(partition, count, stream.topic)
        assert self._cluster is not None
        finding, offset = await compare(self._consumer, claim, self._cluster, replaceable=stream.replaceable)
        if finding is not Finding.SAME:
            replaced = finding is Finding.REPLACED

            async def tell(connection: Any) -> None:
                await stream.store.log_replaced(connection, claim)

            claim = await stream.ledger.adopt(claim, self._cluster, offset, replaced=replaced, write=tell)
        outbox = SlotOutbox(
            stream.producer, stream.sends_to, await stream.ledger.unpublished(claim), claim.published_through
        )
        slot = Slot(claim, await stream.store.open(claim), stream.store, outbox)
        self._consumer.seek(partition, slot.engine.position)
        self._log.info("slot_live", partition=partition, offset=offset, epoch=claim.epoch, found=finding.value)
        return slot

    def _stop(self, partition: int, error: LogReset | LogGap) -> None:
        self._slots.pop(partition, None)
        self._consumer.pause([partition])
        self._stopped[partition] = error.detail
        metrics.consumer_partition_stops_total.labels(self._stream.service, error.reason).inc()
        self._log.error("slot_stopped", partition=partition, reason=error.reason, detail=error.detail)

    def _drop(self, partition: int, error: Fenced) -> None:
        self._slots.pop(partition, None)
        self._consumer.pause([partition])
        metrics.consumer_fenced_total.labels(self._stream.service).inc()
        self._log.warning("slot_fenced", partition=partition, reason=error.reason)
        if partition in self._consumer.assignment():
            self._loading.put_nowait((partition, 1))

    # -- reading

    async def _read_forever(self) -> None:
        while True:
            busy = any(slot.dirty_since is not None or slot.rescoring for slot in self._slots.values())
            try:
                found = await self._consumer.fetch(_BUSY if busy else _IDLE, _MOST)
            except Busy:
                await asyncio.sleep(_BACKOFF[0])
                found = {}
            self._watch(self._stream.clock())
            await self._apply(found)
            for partition, slot in list(self._slots.items()):
                async with slot.lock:
                    if self._slots.get(partition) is slot:
                        await self._guarded(partition, slot, self._turn(partition, slot))
            self._turns += 1
            # A memory bus answers at once: let everything else have its turn too.
            await asyncio.sleep(0)

    async def _apply(self, found: Mapping[int, Sequence[Record]]) -> None:
        for partition, records in found.items():
            slot = self._slots.get(partition)
            if slot is None:
                continue
            async with slot.lock:
                if self._slots.get(partition) is slot:
                    await self._guarded(partition, slot, self._take(partition, slot, records))

    async def _take(self, partition: int, slot: Slot[K, R, F], records: Sequence[Record]) -> None:
        if slot.stuck is not None or records[0].offset > slot.engine.position:
            # Either a flush waits for PostgreSQL, or these are prefetched records of somewhere else: read again.
            self._consumer.seek(partition, slot.engine.position)
            return
        try:
            await slot.take(records, self._stream.clock())
        except Busy:
            self._consumer.seek(partition, slot.engine.position)
            raise

    async def _guarded(self, partition: int, slot: Slot[K, R, F], work: Any) -> None:
        try:
            await work
        except Fenced as error:
            self._drop(partition, error)
        except (LogReset, LogGap) as error:
            self._stop(partition, error)
        except Busy as error:
            self._log.warning("slot_waits", partition=partition, reason=error.reason)
            await asyncio.sleep(_BACKOFF[0])

    # -- one slot's turn

    async def _turn(self, partition: int, slot: Slot[K, R, F]) -> None:
        now = self._stream.clock()
        high_water = self._consumer.high_water(partition)
        caught_up = high_water is not None and slot.engine.position >= high_water
        if slot.stuck is None:
            await self._wake(partition, slot, now)
            await slot.prove(self._consumer.last_answer(partition) if caught_up else None, now)
            if caught_up or slot.claim.next_offset == slot.engine.position:
                await self._catch_up(slot, now)
        if slot.stuck is not None or slot.due(self._stream.beat, now, caught_up=caught_up):
            counts = await slot.flush(self._stream.ledger, now)
            self._counted(partition, counts)
            await self._consumer.commit({partition: slot.claim.next_offset})
            if slot.poisoned(counts):
                raise LogReset("Too many records cannot be applied.", code="dead_letter_limit")
        if slot.outbox.waiting:
            await slot.outbox.publish()
            slot.dirty_since = slot.dirty_since or now
        lag = 0 if high_water is None else max(0, high_water - slot.claim.next_offset)
        metrics.consumer_lag_records.labels(self._stream.service, self._stream.topic, str(partition)).set(lag)

    async def _wake(self, partition: int, slot: Slot[K, R, F], now: datetime) -> None:
        last = self._woken_at.get(partition)
        if last is None or now - last >= self._stream.beat.wakes:
            self._woken_at[partition] = now
            await slot.wake(now)

    async def _catch_up(self, slot: Slot[K, R, F], now: datetime) -> None:
        """Recomputes subjects that wait for it, in slices, within a share of the loop's time."""
        beat, loop = self._stream.beat, asyncio.get_running_loop()
        since = now - (slot.flushed_at or now)
        budget = max(
            beat.slice_seconds, beat.share_of_loop * min(since, _LAGGING).total_seconds() / max(1, len(self._slots))
        )
        started = loop.time()
        before = slot.rescoring
        slot.rescoring = slot.engine.catch_up(20)
        while slot.rescoring and loop.time() - started < budget:
            slot.rescoring = slot.engine.catch_up(20)
        if slot.rescoring or before:
            slot.dirty_since = slot.dirty_since or now

    # -- watching itself

    def _counted(self, partition: int, counts: Sequence[int]) -> None:
        for outcome, count in zip(metrics.OUTCOMES, counts, strict=True):
            if count:
                metrics.consumer_records_total.labels(
                    self._stream.service, self._stream.topic, str(partition), outcome
                ).inc(count)

    def _count_states(self) -> None:
        loading = len(self._consumer.assignment() - self._slots.keys() - self._stopped.keys())
        for state, count in (("loading", loading), ("live", len(self._slots)), ("stopped", len(self._stopped))):
            metrics.consumer_partitions.labels(self._stream.service, self._stream.topic, state).set(count)

    def _watch(self, now: datetime) -> None:
        """Ends the process when the client has gone silent though this loop turned all the while (aiokafka#703)."""
        if self._turned_at is None or now - self._turned_at > _LAGGING:
            self._turning_since = now
        self._turned_at = now
        metrics.consumer_last_poll_timestamp_seconds.labels(self._stream.service).set(now.timestamp())
        if self._turning_since is None or now - self._turning_since < _SILENT:
            return
        for partition in self._slots:
            answered = self._consumer.last_answer(partition)
            if answered is not None and now - answered > _SILENT:
                raise RuntimeError(f"no fetch of partition {partition} was answered for a minute")
