"""What the load sent and what the ledger holds, of the load's own workspace: the canary counts apart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, NamedTuple

import asyncpg

from kizashi_health.adapters.packing import unpack_bitmap
from kizashi_local.first_workspace import WORKSPACE
from tests.chaos.harness import alerts_have_all, look
from tests.drills.load import at_work
from tests.drills.plant import Plant
from tests.invariants import Watch

LOOK_EVERY_SECONDS: Final = 1.0

_DAYS: Final = """
SELECT a.external_id, d.day, d.events, d.users FROM health.account_day d
JOIN health.account a USING (slot, account_id) WHERE d.workspace_id = $1
"""
_EVENTS: Final = "SELECT coalesce(sum(events), 0)::bigint FROM health.account_day WHERE workspace_id = $1"


class Verdict(NamedTuple):
    """How many events were sent, and in how many the ledger differs; `broken` are invariants, in words."""

    sent: int
    lost: int
    doubled: int
    broken: tuple[str, ...]

    @property
    def is_exact(self) -> bool:
        """Whether nothing was lost, doubled or broken."""
        return not (self.lost or self.doubled or self.broken)

    def __str__(self) -> str:
        words = f"{self.sent} events, {self.lost} lost, {self.doubled} doubled"
        return words if not self.broken else f"{words}; {'; '.join(self.broken[:3])}"


@asynccontextmanager
async def looked_at(plant: Plant) -> AsyncIterator[Watch]:
    """Looks at the ledger once a second through every fault; while the database is away there is nothing to see.

    Less often than chaos tests do: what looks must not be the load.
    """
    watch = Watch()

    async def keep_looking() -> None:
        while True:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
                await _look(plant, watch)
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async with at_work(keep_looking()):
        yield watch


async def _look(plant: Plant, watch: Watch) -> None:
    connection = await plant.connect()
    try:
        while True:
            found = await look(connection)
            watch.faults += [fault for fault in found if fault not in watch.faults]
            watch.looks += 1
            await asyncio.sleep(LOOK_EVERY_SECONDS)
    finally:
        connection.terminate()


async def judged(plant: Plant, seconds: float = 60) -> Verdict:
    """Waits until as many events are counted as were sent, then compares account by account and day by day."""
    truth, connection = plant.truth, await plant.connect()
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while await connection.fetchval(_EVENTS, WORKSPACE) < len(truth.events):
                    await asyncio.sleep(0.2)
        held, expected = await _held(connection), truth.expected()
        gaps = [held.get(key, (0, 0))[0] - expected.get(key, (0, 0))[0] for key in held.keys() | expected.keys()]
        lost, doubled = -sum(gap for gap in gaps if gap < 0), sum(gap for gap in gaps if gap > 0)
        return Verdict(len(truth.events), lost, doubled, tuple(await _broken(connection, held == expected, seconds)))
    finally:
        await connection.close()


async def _held(connection: Any) -> dict[Any, tuple[int, int]]:
    rows = await connection.fetch(_DAYS, WORKSPACE)
    return {(row["external_id"], row["day"]): (row["events"], unpack_bitmap(row["users"]).bit_count()) for row in rows}


async def _broken(connection: Any, is_equal: bool, seconds: float) -> list[str]:
    faults = await look(connection)
    if not is_equal:
        faults.append("events or users of some day differ from the truth")
    if dead := await connection.fetchval("SELECT count(*) FROM health.dead_letter"):
        faults.append(f"{dead} dead letters")
    try:
        await alerts_have_all(connection, seconds)
    except AssertionError:
        faults.append("alerts has not seen the last score of every account")
    return faults
