"""The load of a drill: a hundred events a second that know their truth, and people who look at the console.

Enough that every objective has units to judge and every partition has something to lose; little enough for two cores
that also run what is drilled.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx2

from tests.chaos.harness import Client, Truth
from tests.drills.plant import Plant

EVENTS = 20
EVERY_SECONDS = 0.2
MOST_WAITING = 200
"""Batches that wait while ingest is away: what an SDK's queue would hold."""
READ_EVERY_SECONDS = 0.25


@asynccontextmanager
async def steady(client: Client, truth: Truth) -> AsyncIterator[None]:
    """New events all the time while the block runs; the client sends each until it is taken."""

    async def give() -> None:
        while True:
            if len(client.waiting) < MOST_WAITING:
                client.give(truth.batch(EVENTS), size=EVENTS)
            await asyncio.sleep(EVERY_SECONDS)

    async with at_work(give()):
        yield


@asynccontextmanager
async def reading(plant: Plant) -> AsyncIterator[None]:
    """Somebody reads the portfolio all the time while the block runs, and does not mind an error."""
    headers = {"authorization": f"Bearer {plant.first['admin_key']}"}

    async def read() -> None:
        async with httpx2.AsyncClient(base_url=plant.ready["gateway"], headers=headers, timeout=5) as client:
            while True:
                with suppress(httpx2.HTTPError, OSError):
                    await client.get("/v1/accounts", params={"limit": "20"})
                await asyncio.sleep(READ_EVERY_SECONDS)

    async with at_work(read()):
        yield


@asynccontextmanager
async def at_work(work: object) -> AsyncIterator[None]:
    """Something goes on while the block runs. Raises: what it died of."""
    task = asyncio.ensure_future(work)  # type: ignore[call-overload]
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
