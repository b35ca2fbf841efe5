"""What health holds and how far it is, looked at every few seconds beside the work: ages grow while that is stuck.

Source: OPERATIONS.md 5.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from kizashi_common.stream.dedupe import HELD_BYTES
from kizashi_common.stream.slot import Slot
from kizashi_health import metrics
from kizashi_health.engine.engine import HealthEngine, Size

EVERY: Final = timedelta(seconds=5)

HealthSlot = Slot[Any, Any, Any]


class Gauges:
    """`live` are the slots of this process."""

    def __init__(self, live: Callable[[], Mapping[int, HealthSlot]], clock: Callable[[], datetime]) -> None:
        self._live = live
        self._clock = clock
        self._shown: set[int] = set()

    async def run(self) -> None:
        """Looks until cancelled."""
        try:
            while True:
                self.progress(dict(self._live()))
                await self.sizes()
                await asyncio.sleep(EVERY.total_seconds())
        finally:
            self.progress({})

    def progress(self, live: Mapping[int, HealthSlot]) -> None:
        """Sets what tells how far each partition is, and what waits to be written."""
        now = self._clock()
        for partition in self._shown - live.keys():
            metrics.complete_age_seconds.remove(str(partition))
        self._shown = {p for p, slot in live.items() if slot.claim.complete_through is not None}
        for partition in self._shown:
            through = live[partition].claim.complete_through
            assert through is not None
            age = (now - through).total_seconds()
            metrics.complete_age_seconds.labels(str(partition)).set(age)
        held = Counter(_engine(slot).held(now) for slot in live.values())
        for reason in ("lag", "heartbeat"):
            metrics.sweep_held_partitions.labels(reason).set(held[reason])
        metrics.unflushed_rows.set(sum(_engine(slot).waiting_rows for slot in live.values()))
        dirty = [slot.dirty_since for slot in live.values() if slot.dirty_since is not None]
        metrics.flush_age_seconds.set(max(0.0, (now - min(dirty)).total_seconds()) if dirty else 0.0)

    async def sizes(self) -> None:
        """Sets what memory holds; users are counted one by one, so the loop has its turn between two partitions."""
        total = Size(0, 0, 0, 0)
        for slot in list(self._live().values()):
            total = Size(*(a + b for a, b in zip(total, _engine(slot).size, strict=True)))
            await asyncio.sleep(0)
        metrics.state_accounts.set(total.accounts)
        metrics.state_users.set(total.users)
        for heat, ids in (("hot", total.hot_ids), ("cold", total.cold_ids)):
            metrics.dedupe_ids.labels(heat).set(ids)
            metrics.dedupe_bytes.labels(heat).set(ids * HELD_BYTES)


def _engine(slot: HealthSlot) -> HealthEngine:
    engine = slot.engine
    assert isinstance(engine, HealthEngine)
    return engine
