"""What runs by time: the lanes, the heartbeats, the refresh of keys.

Each runs until cancelled. A broker or a database that is away is no reason to die: the next beat tries again.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import NamedTuple

from kizashi_common.db.clock_offset import WORKER as CLOCK
from kizashi_common.db.clock_offset import ClockOffset
from kizashi_common.errors import Busy
from kizashi_common.runtime.service import Worker
from kizashi_common.telemetry.logging import get_logger
from kizashi_ingest.adapters.lanes import Lanes
from kizashi_ingest.application.heartbeat import Heartbeats
from kizashi_ingest.application.sources import Keyring

NAMES = ("lanes", "heartbeats", "keys", CLOCK)
_FIRST_TRIES = timedelta(seconds=0.2)
_log = get_logger("ingest")


class Every(NamedTuple):
    """How often heartbeats are sent and keys read again."""

    heartbeats: timedelta
    keys: timedelta


def workers(
    lanes: Lanes,
    heartbeats: Heartbeats,
    keyring: Keyring,
    offset: ClockOffset,
    every: Every,
) -> tuple[Worker, ...]:
    """Ingest's workers."""

    async def beat() -> None:
        while True:
            await heartbeats.beat()
            await asyncio.sleep(every.heartbeats.total_seconds())

    async def refresh() -> None:
        while True:
            try:
                await keyring.refresh()
            except Busy as error:
                _log.warning("key_refresh_failed", error=error)
            pause = every.keys if keyring.is_loaded else min(every.keys, _FIRST_TRIES)
            await asyncio.sleep(pause.total_seconds())

    running = (lanes.run, beat, refresh, offset.run)
    return tuple(Worker(name, run) for name, run in zip(NAMES, running, strict=True))
