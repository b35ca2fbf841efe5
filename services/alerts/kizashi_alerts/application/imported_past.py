"""After an import: the last reconstructed days are judged from an empty state, and what is TRUE at their end is opened.

Judging is done here, by the same pure functions as live; adopting is left to the single writer of each partition, by
a wake, so no second writer of conditions exists. Nobody is told: an imported past is not news.

Source: ALERTS.md 2; issue 3, item 8.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from kizashi_alerts.adapters.health import Health
from kizashi_alerts.adapters.pasts import Pasts
from kizashi_alerts.domain.rulebook import Rulebook
from kizashi_alerts.engine.past import Past, past_of
from kizashi_common.contracts.commands.alerts import ImportedPast, ImportedPastAnswer

BATCH: Final = 100
WAIT: Final = timedelta(seconds=20)
_POLL: Final = 0.1


class JudgePast:
    """Judges an imported past."""

    def __init__(self, health: Health, pasts: Pasts, book: Rulebook) -> None:
        self._health = health
        self._pasts = pasts
        self._book = book

    async def judge(self, workspace: str, asked: ImportedPast) -> ImportedPastAnswer:
        """How many subjects were judged, and how many alerts from a past are open now.

        Asked twice, it opens nothing twice. While partitions have no owner the pasts wait for one, and the answer
        counts what is open so far. Raises: Busy when health cannot answer.
        """
        subjects, waiting = 0, list[Past]()
        async for days in self._health.pasts(workspace, asked.days):
            subjects += 1
            past = past_of(self._book, days)
            if past is not None and past.conditions:
                waiting.append(past)
            if len(waiting) >= BATCH:
                await self._pasts.stage(workspace, waiting)
                waiting.clear()
            # Thirty days of twenty rules are a millisecond or two of work each: let live snapshots in between.
            await asyncio.sleep(0)
        await self._pasts.stage(workspace, waiting)
        await self._adopted(workspace)
        return ImportedPastAnswer(subjects=subjects, opened=await self._pasts.opened(workspace))

    async def _adopted(self, workspace: str) -> None:
        for _ in range(int(WAIT.total_seconds() / _POLL)):
            if not await self._pasts.left(workspace):
                return
            await asyncio.sleep(_POLL)
