"""How local mode is asked to end: once in good order, twice in a hurry, three times at once.

Source: OPERATIONS.md 1.6.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Final, TypeVar

from kizashi_common.runtime.serve import Stopping

Answer = TypeVar("Answer")
PATIENCE: Final = timedelta(seconds=10)


class Interrupts:
    """Counts the requests to end that a person or a supervisor sends."""

    def __init__(self, tell: Callable[[str], None], kill: Callable[[], None]) -> None:
        self.stopping = Stopping(asyncio.Event(), asyncio.Event())
        self._tell = tell
        self._kill = kill
        self._count = 0

    def __call__(self) -> None:
        """One more request: the first drains, the second skips that but still flushes, the third kills."""
        self._count += 1
        if self._count == 1:
            self._tell("Stopping in good order. Once more skips the drains, a third time kills.")
            self.stopping.stop.set()
        elif self._count == 2:
            self._tell("Skipping the drains; what is in memory is still flushed.")
            self.stopping.hurry.set()
        else:
            self._tell("Killing everything.")
            self._kill()


async def unless(stop: asyncio.Event, work: Coroutine[None, None, Answer]) -> Answer | None:
    """What the work answers, or None when the end was asked for first; the work is cancelled then.

    Raises: what the work raises.
    """
    try:
        async with asyncio.TaskGroup() as race:
            task = race.create_task(work)
            asked = race.create_task(stop.wait())
            await asyncio.wait((task, asked), return_when=asyncio.FIRST_COMPLETED)
            task.cancel()
            asked.cancel()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    return None if task.cancelled() else task.result()


async def ends_soon(task: asyncio.Task[None], hurry: asyncio.Event, patience: timedelta = PATIENCE) -> None:
    """Waits a while for a task that was asked to end, not at all in a hurry, and cancels it after that."""
    with suppress(TimeoutError):
        async with asyncio.timeout(patience.total_seconds()):
            await unless(hurry, _over(task))
    task.cancel()


async def _over(task: asyncio.Task[None]) -> None:
    await asyncio.wait((task,))
