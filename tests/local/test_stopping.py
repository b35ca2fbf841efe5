"""Asked once: in good order. Twice: in a hurry. Three times: at once."""

from __future__ import annotations

import asyncio

import pytest

from kizashi_local.stopping import Interrupts, ends_soon, unless


def test_each_request_to_end_asks_for_more_haste() -> None:
    said: list[str] = []
    killed: list[bool] = []
    interrupts = Interrupts(said.append, lambda: killed.append(True))
    stop, hurry = interrupts.stopping
    interrupts()
    assert (stop.is_set(), hurry.is_set(), killed) == (True, False, [])
    interrupts()
    assert (stop.is_set(), hurry.is_set(), killed) == (True, True, [])
    interrupts()
    assert killed == [True]
    assert len(said) == 3


async def test_a_start_is_given_up_when_the_end_is_asked_for() -> None:
    stop, was_cancelled = asyncio.Event(), []

    async def endless() -> int:
        try:
            stop.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            was_cancelled.append(True)
            raise
        return 1

    assert await unless(stop, endless()) is None
    assert was_cancelled == [True]


async def test_a_start_that_ends_well_answers() -> None:
    async def quick() -> int:
        return 7

    assert await unless(asyncio.Event(), quick()) == 7


async def test_a_start_that_fails_raises_its_own_error() -> None:
    async def failing() -> int:
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        await unless(asyncio.Event(), failing())


async def test_who_is_asked_to_end_gets_time_except_in_a_hurry() -> None:
    async def stubborn() -> None:
        await asyncio.Event().wait()

    hurry = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(stubborn())
        hurry.set()
        await ends_soon(task, hurry)
    assert task.cancelled()
    async with asyncio.TaskGroup() as group:
        quick = group.create_task(asyncio.Event().wait())
        quick.cancel()
        await ends_soon(quick, asyncio.Event())  # type: ignore[arg-type]
