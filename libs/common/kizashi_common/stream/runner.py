"""Drives every partition of one topic: claim → open → seek → read, apply → flush → publish.

One loop reads for all slots; a loader brings partitions up beside it. Correctness never lives in the rebalance
listener: records of a slot that is not live are dropped and read again after its seek, and a batch that does not
begin exactly at the position is not applied. The lock of a slot is never held around a fetch, since the revoke
callback takes it. Every assignment is a tenure with a number of its own: a load that was begun under one ends without
effect when that is over, for the client goes on naming the old assignment until the new one comes.

Source: HEALTH.md 1, 3, 4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any, Final, Generic, NamedTuple

from kizashi_common.contracts.envelope import Record
from kizashi_common.errors import Busy, Fenced, KizashiError, LogGap, LogReset
from kizashi_common.stream.bring_up import bring_up
from kizashi_common.stream.fences import Fences
from kizashi_common.stream.lag_tools import LagTools
from kizashi_common.stream.meter import Standing, StreamMeter
from kizashi_common.stream.second_look import SecondLook
from kizashi_common.stream.shapes import F, K, R
from kizashi_common.stream.slot import Slot
from kizashi_common.stream.stream import Stream
from kizashi_common.stream.suspects import Suspects
from kizashi_common.stream.watchdog import Watchdog
from kizashi_common.telemetry.logging import get_logger

_IDLE: Final = timedelta(milliseconds=200)
_BUSY: Final = timedelta(milliseconds=20)
_MOST: Final = 5_000
_FEW: Final = 20
_GATHER: Final = 0.01
_LAGGING: Final = timedelta(seconds=10)
_BACKOFF: Final = (0.2, 0.5, 1.0, 2.0, 5.0)


class Sight(NamedTuple):
    """What one fetch showed of a partition: where the log ended, and when the broker said so."""

    end: int | None
    at: datetime | None


_NOTHING: Final = Sight(None, None)


class _Load(NamedTuple):
    """A partition to be brought up, under which tenure, and how often that was tried."""

    partition: int
    tenure: int
    attempt: int = 0


class Runner(Generic[K, R, F]):
    """One consumer process of one topic. `run` ends only when it is cancelled or the process must end."""

    def __init__(self, stream: Stream[K, R, F]) -> None:
        self._stream = stream
        self._consumer = stream.consumer
        self._slots: dict[int, Slot[K, R, F]] = {}
        self._stopped: dict[int, str] = {}
        self._loading: asyncio.Queue[_Load] = asyncio.Queue()
        self._tenures: dict[int, int] = {}
        self._tenure = 0
        self._is_member = False
        self._cluster: str | None = None
        self._watchdog = Watchdog(stream.service, stream.consumer, stream.clock)
        self._fences = Fences()
        self._suspects = Suspects()
        self._second_look = SecondLook(stream.ledger, stream.second_look)
        self._meter = StreamMeter(
            stream.service, stream.topic, stream.consumer, stream.clock, sends=bool(stream.sends_to)
        )
        self._standing = Standing(self._tenures, self._slots, self._stopped)
        self._woken_at: dict[int, datetime] = {}
        self._seen: dict[int, Sight] = {}
        self._lag_tools = LagTools(stream.consumer, stream.clock)
        self._turns = 0
        self._log = get_logger(stream.service).bind(topic=stream.topic)

    # -- the outside

    async def run(self) -> None:
        """Joins the group and works until cancelled."""
        await self._join()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watchdog.run(self._slots))
                group.create_task(self._meter.run(self._standing))
                group.create_task(self._second_look.run(self._stopped, self._retry))
                group.create_task(self._load_forever())
                group.create_task(self._read_forever())
        finally:
            await self._leave()

    def ready(self) -> str | None:
        """None when every assigned partition is live (there may be none: a spare member), else what is missing."""
        if not self._is_member or self._watchdog.turned_at is None:
            return "the consumer's group has not given it its partitions"
        if self._stopped:
            return "; ".join(f"partition {p} stopped: {why}" for p, why in sorted(self._stopped.items()))
        waiting = self._consumer.assignment() - self._slots.keys()
        return f"loading partitions {sorted(waiting)}" if waiting else None

    def alive(self) -> str | None:
        """None while the loop turns, which it does too while broker or database are away; else since when not."""
        return self._watchdog.held_up()

    def owns(self, partition: int) -> bool:
        """Whether this process is the live owner of a partition."""
        return partition in self._slots

    @property
    def live(self) -> Mapping[int, Slot[K, R, F]]:
        """The slots that this process owns, for whoever measures them."""
        return self._slots

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
                self._meter.join_failed()
                await asyncio.sleep(_BACKOFF[min(attempt, len(_BACKOFF) - 1)])

    async def _leave(self) -> None:
        for partition in list(self._slots):
            await self._give_up(partition)
        await self._consumer.stop()
        await self._stream.ledger.close()
        self._meter.left()

    async def assigned(self, partitions: frozenset[int]) -> None:
        """The listener's part: only remembers; loading happens beside."""
        self._is_member = True
        for partition in sorted(partitions):
            # One whose revocation was not heard may still be here: it is loaded anew, as any other.
            self._slots.pop(partition, None)
            self._tenure += 1
            self._tenures[partition] = self._tenure
            self._loading.put_nowait(_Load(partition, self._tenure))
        self._meter.rebalanced()

    async def revoked(self, partitions: frozenset[int]) -> None:
        """Flushes and drops what leaves."""
        self._is_member = False
        for partition in partitions:
            self._stopped.pop(partition, None)
            self._tenures.pop(partition, None)
        for partition in partitions:
            with self._meter.draining(partition):
                await self._give_up(partition)
        self._meter.look(self._standing)

    async def _give_up(self, partition: int) -> None:
        slot = self._slots.get(partition)
        if slot is None:
            return
        async with slot.lock:
            self._slots.pop(partition, None)
            try:
                if slot.dirty_since is not None or slot.stuck is not None:
                    self._meter.counted(partition, await slot.flush(self._stream.ledger, self._stream.clock()))
                await slot.outbox.publish()
            except KizashiError as error:
                # Nothing is lost: offset and state are both uncommitted, or both committed and unpublished.
                self._log.warning("slot_left_unflushed", partition=partition, reason=error.reason)
            slot.slices.settled("left")

    # -- loading

    async def _load_forever(self) -> None:
        while True:
            load = await self._loading.get()
            if not self._is_wanted(load):
                continue
            try:
                slot = await self._load(load.partition)
                if self._is_wanted(load):
                    self._begin(load.partition, slot)
            except (LogReset, LogGap) as error:
                if self._is_wanted(load):
                    self._stop(load.partition, error)
            except (Busy, Fenced) as error:
                self._log.warning(
                    "slot_load_failed", partition=load.partition, reason=error.reason, attempt=load.attempt
                )
                wait = _BACKOFF[min(load.attempt, len(_BACKOFF) - 1)]
                self._load_later(load._replace(attempt=load.attempt + 1), wait)

    def _is_wanted(self, load: _Load) -> bool:
        return self._tenures.get(load.partition) == load.tenure and load.partition not in self._slots

    def _begin(self, partition: int, slot: Slot[K, R, F]) -> None:
        self._slots[partition] = slot
        self._stopped.pop(partition, None)
        self._consumer.seek(partition, slot.engine.position)
        self._consumer.resume([partition])

    def _load_later(self, load: _Load, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._loading.put_nowait, load)

    def _retry(self, partition: int) -> None:
        if partition in self._tenures:
            self._cluster = None  # another one may answer at the same address now
            self._loading.put_nowait(_Load(partition, self._tenures[partition]))

    async def _load(self, partition: int) -> Slot[K, R, F]:
        began = perf_counter()
        self._cluster = self._cluster or await self._consumer.cluster_id()
        slot = await bring_up(self._stream, partition, self._cluster)
        self._meter.loaded(perf_counter() - began)
        return slot

    def _give_back(self, partition: int) -> None:
        self._slots.pop(partition, None)
        self._consumer.pause([partition])

    def _stop(self, partition: int, error: LogReset | LogGap) -> None:
        self._give_back(partition)
        self._stopped[partition] = error.detail
        self._meter.stopped(error.reason)
        self._log.error("slot_stopped", partition=partition, reason=error.reason, detail=error.detail)

    def _drop(self, partition: int, error: Fenced) -> None:
        self._give_back(partition)
        self._meter.fenced()
        self._log.warning("slot_fenced", partition=partition, reason=error.reason)
        self._claim_again(partition, self._fences.wait(partition, self._stream.clock()))

    def _claim_again(self, partition: int, seconds: float) -> None:
        """Unless it has left meanwhile: a revocation waits for the lock of the slot."""
        if partition in self._tenures:
            self._load_later(_Load(partition, self._tenures[partition], 1), seconds)

    # -- reading

    async def _read_forever(self) -> None:
        while True:
            busy = any(slot.dirty_since is not None or slot.rescoring for slot in self._slots.values())
            try:
                found = await self._consumer.fetch(_BUSY if busy else _IDLE, _MOST)
            except Busy:
                await asyncio.sleep(_BACKOFF[0])
                found = {}
            self._watchdog.turned()
            self._look()
            async with asyncio.TaskGroup() as group:
                # Side by side: slots wait for the same database, and one after another would wait eight times as long.
                for partition, slot in list(self._slots.items()):
                    group.create_task(self._serve(partition, slot, found.get(partition, ())))
            await self._lag_tools.tell(self._slots)
            self._turns += 1
            # Little at a time costs as much as much at a time: what comes in the meantime shares the next turn.
            await asyncio.sleep(_GATHER if found else 0)

    def _look(self) -> None:
        """Notes where the logs end, before anything is awaited.

        A slot that has applied all of that is caught up, though the client may hold the next records by the time it has
        its turn: with a later look a partition into which something always comes would never be caught up.
        """
        consumer = self._consumer
        self._seen = {p: Sight(consumer.high_water(p), consumer.last_answer(p)) for p in self._slots}

    async def _serve(self, partition: int, slot: Slot[K, R, F], records: Sequence[Record]) -> None:
        async with slot.lock:
            if records and self._slots.get(partition) is slot:
                await self._guarded(partition, slot, self._take(partition, slot, records))
            if self._slots.get(partition) is slot:
                await self._guarded(partition, slot, self._turn(partition, slot))

    async def _take(self, partition: int, slot: Slot[K, R, F], records: Sequence[Record]) -> None:
        if slot.stuck is not None:
            # A flush waits for PostgreSQL: what comes meanwhile is read again later, so memory stays bounded.
            self._consumer.seek(partition, slot.engine.position)
            return
        if records[0].offset > slot.engine.position:
            await self._look_back(partition, slot, records[0].offset)
            return
        some = self._suspects.some(partition, records)
        try:
            await slot.take(some, self._stream.clock(), self._suspects.culprit(partition))
        except Busy:
            self._consumer.seek(partition, slot.engine.position)
            raise
        if len(some) < len(records):
            self._consumer.seek(partition, slot.engine.position)

    async def _look_back(self, partition: int, slot: Slot[K, R, F], offset: int) -> None:
        """Records from beyond the position are prefetched ones of somewhere else, or the log lost what lies between.

        Raises: LogGap for the latter; Busy when the broker does not tell.
        """
        position = slot.engine.position
        self._log.warning("contiguity_guard", partition=partition, position=position, offset=offset)
        self._consumer.seek(partition, position)
        first = (await self._consumer.extent(partition)).first
        if first > position:
            raise LogGap(f"{first - position} records were dropped before they were read.")

    async def _guarded(self, partition: int, slot: Slot[K, R, F], work: Any) -> None:
        try:
            await work
        except (Fenced, LogReset, LogGap) as error:
            slot.slices.settled(error.reason)
            if self._slots.get(partition) is not slot:
                # It was given anew meanwhile: what befalls the old slot is nothing to the new one.
                return
            if isinstance(error, Fenced):
                self._drop(partition, error)
            else:
                self._stop(partition, error)
        except Busy as error:
            trace = slot.slices.trace_id
            self._log.warning("slot_waits", partition=partition, reason=error.reason, trace_id=trace)
            await asyncio.sleep(_BACKOFF[0])
        except Exception as error:
            is_theirs = slot.blames_records
            if not is_theirs or not self._suspects.failed(partition, slot.claim.next_offset, slot.tried, error):
                raise
            slot.slices.settled("failed")
            self._log.error("slot_failed", partition=partition, offset=slot.claim.next_offset, error=error)
            if self._slots.get(partition) is slot:
                self._give_back(partition)
                self._claim_again(partition, 0)

    # -- one slot's turn

    async def _turn(self, partition: int, slot: Slot[K, R, F]) -> None:
        now = self._stream.clock()
        seen = self._seen.get(partition, _NOTHING)
        caught_up = seen.end is not None and slot.engine.position >= seen.end
        if slot.stuck is None:
            await self._wake(partition, slot, now)
            await slot.prove(seen.at if caught_up else None, now)
        careful = partition in self._suspects and slot.dirty_since is not None
        if slot.stuck is not None or careful or slot.due(self._stream.beat, now, caught_up=caught_up):
            if slot.stuck is None and (caught_up or slot.claim.next_offset == slot.engine.position):
                await self._catch_up(slot, now)
            counts = await slot.flush(self._stream.ledger, now)
            self._meter.counted(partition, counts)
            if slot.poisoned(counts):
                raise LogReset("Too many records cannot be applied.", code="dead_letter_limit")
        if slot.outbox.waiting:
            await slot.outbox.publish()
            slot.dirty_since = slot.dirty_since or now

    async def _wake(self, partition: int, slot: Slot[K, R, F], now: datetime) -> None:
        last = self._woken_at.get(partition)
        if last is None or now - last >= self._stream.beat.wakes:
            self._woken_at[partition] = now
            await slot.wake(now)

    async def _catch_up(self, slot: Slot[K, R, F], now: datetime) -> None:
        """Recomputes subjects that wait for it, within a share of the loop's time; the rest has its turn next time.

        Only before a flush, for a subject that many events touch in between is then computed once.
        """
        beat, loop = self._stream.beat, asyncio.get_running_loop()
        since = min(now - (slot.flushed_at or now), _LAGGING)
        left = beat.share_of_loop * since.total_seconds() / max(1, len(self._slots))
        if not beat.share_of_loop:
            slot.rescoring = 0
            return
        while True:
            began = loop.time()
            slot.rescoring = slot.engine.catch_up(_FEW)
            left -= loop.time() - began
            if not slot.rescoring or left <= 0:
                return
            # Requests have their turn in between: whoever waits for an answer must not wait for scores.
            await asyncio.sleep(0)
