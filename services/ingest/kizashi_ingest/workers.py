"""What runs by time: the lanes, the heartbeats, the refresh of keys.

Each runs until cancelled. A broker or a database that is away is no reason to die: the next beat tries again.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from kizashi_common.errors import Busy
from kizashi_common.runtime.service import Worker
from kizashi_common.telemetry.logging import get_logger
from kizashi_ingest.adapters.lanes import Lanes
from kizashi_ingest.application.heartbeat import Heartbeats
from kizashi_ingest.application.sources import Keyring

NAMES = ("lanes", "heartbeats", "keys")
_FIRST_TRIES = timedelta(seconds=0.2)
_log = get_logger("ingest")


def workers(
    lanes: Lanes, heartbeats: Heartbeats, keyring: Keyring, heartbeat_every: timedelta, keys_every: timedelta
) -> tuple[Worker, ...]:
    """Ingest's workers."""

    async def beat() -> None:
        while True:
            await heartbeats.beat()
            await asyncio.sleep(heartbeat_every.total_seconds())

    async def refresh() -> None:
        while True:
            try:
                await keyring.refresh()
            except Busy as error:
                _log.warning("key_refresh_failed", error=error)
            every = keys_every if keyring.is_loaded else min(keys_every, _FIRST_TRIES)
            await asyncio.sleep(every.total_seconds())

    return (Worker("lanes", lanes.run), Worker("heartbeats", beat), Worker("keys", refresh))
