"""One partition in this process: its claim, its engine, its outbox, and when it is due to flush.

Memory is changed before the commit and never undone by hand. A flush that could not be committed is kept and tried
again as it is, while its partition is paused; after `Fenced` the whole slot is dropped and loaded anew.

Source: HEALTH.md 1 and 2.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from time import perf_counter
from typing import Any, Generic

from kizashi_common.contracts.envelope import Record
from kizashi_common.errors import LogGap, LogReset
from kizashi_common.stream.completeness import Completeness
from kizashi_common.stream.ledger import Advance, Ledger
from kizashi_common.stream.poison import DeadLetterLimit
from kizashi_common.stream.shapes import (
    Claim,
    Committed,
    Counts,
    DeadLetter,
    Engine,
    F,
    K,
    Phases,
    R,
    Records,
    SetAside,
    Step,
    Store,
    Through,
    Wakes,
    unheard,
)
from kizashi_common.stream.slot_outbox import SlotOutbox
from kizashi_common.telemetry.trace_records import Slices


@dataclass(frozen=True, slots=True)
class Beat:
    """The rhythm of flushing. A long one trades repeated row writes for delay; it does not move the recovery point,
    since offset and state commit together.

    A slot that is caught up flushes `at_least` so long after its last flush. While records come it gathers longer, by
    `per_record` for each that waits, but not longer than `busy`: the more comes, the fewer times are the same accounts
    scored and the same rows written. One that lags flushes `at_most` so long after its first record, or when `rows`
    wait.
    """

    at_least: timedelta = timedelta(milliseconds=100)
    per_record: timedelta = timedelta(microseconds=1_400)
    busy: timedelta = timedelta(seconds=4)
    at_most: timedelta = timedelta(seconds=5)
    rows: int = 20_000
    wakes: timedelta = timedelta(milliseconds=200)
    share_of_loop: float = 0.3
    """How much of the loop's time scoring may take while records wait to be counted; 0: counting alone."""


class Slot(Generic[K, R, F]):
    """The owner's view of one slot. Every method is called under `lock`. `committed` hears of every flush."""

    def __init__(
        self,
        claim: Claim,
        engine: Engine[K, R, F],
        store: Store[K, R, F],
        outbox: SlotOutbox,
        committed: Committed[F] = unheard,
    ) -> None:
        self.lock = asyncio.Lock()
        self.claim = claim
        self.engine = engine
        self.outbox = outbox
        self.slices = Slices(outbox.service, claim.topic, claim.partition)
        self.completeness = Completeness(claim.complete_through)
        self.stuck: F | None = None
        self._store = store
        self._committed = committed
        self._build_seconds = 0.0
        self._limit = DeadLetterLimit()
        self._anchor = (claim.anchor_offset, claim.anchor_hash)
        self._target: Advance | None = None
        self._told_through = claim.complete_through
        self.dirty_since: datetime | None = None
        self.flushed_at: datetime | None = None
        self.rescoring = 0
        self._taken_at: datetime | None = None
        self.tried = claim.next_offset
        """Before which offset records were handed to the engine, whether or not it could bear them."""
        self.blames_records = False
        """Whether an error that nobody foresaw was brought about by them, as far as one can tell."""
        self._is_woken = False
        self.oldest: datetime | None = None
        """When the oldest record that is applied here and not committed was appended."""
        self.latest: datetime | None = None
        """When the last record that was applied here was appended."""

    def loaded(self, now: datetime) -> None:
        """The engine may hold subjects that waited to be computed when it was last committed."""
        self.rescoring = self.engine.catch_up(0)
        if self.rescoring:
            self._touch(now)

    async def take(self, records: Sequence[Record], now: datetime, culprit: str | None = None) -> None:
        """Applies records that begin exactly at the position; with `culprit`, what the only one of them brings about,
        it is set aside instead.

        Raises: LogReset when they begin below it; LogGap when some are missing among them; Busy when rows cannot be
        read.
        """
        if records[0].offset < self.engine.position:
            raise LogReset("The log gave records that were applied before.")
        missing = records[-1].offset - records[0].offset + 1 - len(records)
        if missing:
            raise LogGap(f"{missing} offsets are missing in the middle of the log.")
        self.tried = records[-1].offset + 1
        aside = None if culprit is None else SetAside(DeadLetter(records[0], "refused", culprit))
        self.blames_records = True
        await self._step(aside or Records(records))
        self.blames_records = False
        self.slices.taken(records)
        last = records[-1]
        self.oldest, self.latest = self.oldest or records[0].at, last.at
        self._anchor = (last.offset, anchor_hash(last))
        self.completeness.log_applied(last.at)
        self._taken_at = now
        self._touch(now)

    async def wake(self, now: datetime) -> None:
        """Takes what people and documents asked for. Raises: Busy."""
        self.blames_records = False
        wakes = await self._store.wakes(self.claim)
        self._is_woken = bool(wakes)
        if wakes:
            await self._step(Wakes(wakes))
            self._touch(now)

    async def _step(self, step: Step) -> None:
        keys = self.engine.needs(step)
        rows = None if keys is None else await self._store.read(self.claim, keys)
        self.engine.apply(step, rows)

    async def prove(self, caught_up_at: datetime | None, now: datetime) -> None:
        """Tells the engine how far its input is proved, once that is committed. Raises: Busy."""
        self.blames_records = False
        if caught_up_at is not None:
            self.completeness.log_reached(caught_up_at)
        heard = self.completeness.through
        proved = self.completeness.heard(self.engine.heard_through)
        if proved != heard:
            self._touch(now)
        if self.claim.complete_through is not None and self.claim.complete_through != self._told_through:
            self._told_through = self.claim.complete_through
            await self._step(Through(self.claim.complete_through))

    def _touch(self, now: datetime) -> None:
        if self.dirty_since is None:
            self.dirty_since = now

    def due(self, beat: Beat, now: datetime, *, caught_up: bool) -> bool:
        """Whether what is in memory should be committed now."""
        if self.dirty_since is None:
            return False
        if self.engine.waiting_rows >= beat.rows or now - self.dirty_since >= beat.at_most:
            return True
        if not caught_up or self.flushed_at is None:
            return caught_up
        gathered = beat.at_least
        if self._taken_at is not None and now - self._taken_at < beat.at_least:
            # More is coming.
            gathered += beat.per_record * (self.engine.position - self.claim.next_offset)
        return now - self.flushed_at >= min(gathered, max(beat.at_least, beat.busy))

    async def flush(self, ledger: Ledger, now: datetime) -> Counts:
        """Commits all that changed; returns what became of the records.

        Raises: Fenced; Busy, with the flush kept in `stuck` for the next try.
        """
        if self.stuck is None:
            began = perf_counter()
            self.stuck = self.engine.drain(now)
            self._build_seconds = perf_counter() - began
            self._target = Advance(
                self.engine.position, *self._anchor, self.completeness.through, self.outbox.published_through
            )
        flush, to = self.stuck, self._target
        assert to is not None
        began = written = perf_counter()

        # What a wake asked for, a day that began for one, may be what cannot be written.
        self.blames_records = not self._is_woken

        async def write(connection: Any) -> None:
            nonlocal written
            await self._store.write(connection, self.claim, flush)
            written = perf_counter()

        self.claim, numbered = await ledger.commit(self.claim, to, flush, write)
        self.blames_records = False
        phases = Phases(self._build_seconds, written - began, perf_counter() - written)
        self.outbox.committed(numbered)
        self.slices.settled("committed")
        self.stuck, self._target, self.flushed_at, self.oldest = None, None, now, None
        self.dirty_since = now if self.rescoring else None
        self._committed(self.claim, flush, phases)
        return flush.counts

    def poisoned(self, counts: Counts) -> bool:
        """Whether so many records were dead letters that the partition should stop; heartbeats count for nothing."""
        used = counts.applied + counts.duplicates + counts.parked
        return self._limit.exceeded(used, counts.dead_lettered)


def anchor_hash(record: Record) -> bytes:
    """What tells this record from another one at the same offset of another log."""
    digest = blake2b(digest_size=16)
    digest.update(record.key or b"")
    digest.update(b"\x00")
    digest.update(record.value)
    return digest.digest()
