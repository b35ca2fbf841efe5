"""What runs by time: the completeness witness, and forgetting ended ways in.

Each has a loop of its own, so that a slow one does not age the other. A database that is away for a while ends neither.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from kizashi_common.errors import Busy
from kizashi_common.runtime.service import Clock, Worker
from kizashi_common.telemetry.logging import get_logger
from kizashi_gateway.adapters.sign_in import SignIns
from kizashi_gateway.application.witness import Witness

_CLEAN_UP: Final = timedelta(seconds=15)

_log = get_logger("gateway")


def workers(witness: Witness, every: timedelta, sign_ins: SignIns, clock: Clock) -> tuple[Worker, ...]:
    """The gateway's workers; the witness looks `every` so often."""

    async def watch() -> None:
        while True:
            try:
                await witness.look()
            except Busy as error:
                _log.warning("witness_waits", reason=error.reason)
            await asyncio.sleep(every.total_seconds())

    async def clean_up() -> None:
        while True:
            try:
                await sign_ins.forget_ended(clock())
            except Busy as error:
                _log.warning("housekeeping_waits", reason=error.reason)
            await asyncio.sleep(_CLEAN_UP.total_seconds())

    return (Worker("witness", watch), Worker("housekeeping", clean_up))
