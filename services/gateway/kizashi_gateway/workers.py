"""What runs by time: the completeness witness, and forgetting ended ways in.

The witness reads the proved time from PostgreSQL, so it goes on telling the truth while health is down.

Source: OPERATIONS.md 5, `completeness_age_seconds`.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from kizashi_common.errors import Busy
from kizashi_common.runtime.service import Clock
from kizashi_common.telemetry.logging import get_logger
from kizashi_gateway.adapters.sign_in import SignIns
from kizashi_gateway.metrics import COMPLETENESS_AGE
from kizashi_gateway.queries.accounts import Accounts

EVERY: Final = timedelta(seconds=15)

_log = get_logger("gateway")


class Housekeeping:
    """Looks every 15 s; a database that is away for a while does not end it."""

    def __init__(self, accounts: Accounts, sign_ins: SignIns, clock: Clock) -> None:
        self._accounts = accounts
        self._sign_ins = sign_ins
        self._clock = clock

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            try:
                await self.look()
            except Busy as error:
                _log.warning("housekeeping_waits", reason=error.reason)
            await asyncio.sleep(EVERY.total_seconds())

    async def look(self) -> None:
        """One round."""
        now = self._clock()
        through = await self._accounts.complete_through()
        if through is not None:
            COMPLETENESS_AGE.set(max(0.0, (now - through).total_seconds()))
        await self._sign_ins.forget_ended(now)
