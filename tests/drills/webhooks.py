"""Faults on the way from an alert to a customer's webhook, which need alerts to tell of.

Accounts that fell silent open `risk.silence`; each alert is one delivery to each endpoint of the workspace.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import asyncpg
import httpx2

from tests.drills.faults import Fault
from tests.drills.onlooker import Receivers
from tests.drills.plant import Plant
from tests.ports import free_port

MANY: Final = 60
"""More than the 50 units that a burn alert wants to see."""

_SPOIL: Final = r"UPDATE alerts.secret SET ciphertext = '\x00'::bytea || ciphertext"
_RESTORE: Final = "UPDATE alerts.secret SET ciphertext = substring(ciphertext FROM 2)"
_FORGET: Final = "UPDATE alerts.endpoint SET state = 'deleted' WHERE workspace_id = 'main'"
_WAITING: Final = "SELECT count(*) FROM alerts.delivery WHERE state = 'waiting' AND attempt_no > 0"


def overdue() -> Fault:
    """Deliveries are due, and a session holds their rows: nobody attempts them."""
    sessions: list[asyncpg.Connection[Any]] = []

    async def strike(plant: Plant) -> None:
        await _endpoint(plant, f"http://127.0.0.1:{free_port()}/hook")
        await _fall_silent(plant, "overdue", 3)
        async with asyncio.timeout(60):
            while await plant.execute(_WAITING) < 3:
                await asyncio.sleep(0.2)
        sessions.append(await _holding(plant, "SELECT id FROM alerts.delivery FOR UPDATE"))

    async def heal(plant: Plant) -> None:
        await _let_go(sessions)
        await plant.execute(_FORGET)

    return Fault(strike, heal)


def unopened() -> Fault:
    """The secrets that sign webhooks do not open, as when a master key was lost, and sixty alerts are to be told."""
    receivers = Receivers()
    listening = receivers.listening()

    async def strike(plant: Plant) -> None:
        listening.__enter__()
        await _endpoint(plant, f"{receivers.url}/customer")
        await plant.execute(_SPOIL)
        await _fall_silent(plant, "unopened", MANY)

    async def heal(plant: Plant) -> None:
        await plant.execute(_RESTORE)
        await plant.execute(_FORGET)
        listening.__exit__(None, None, None)

    return Fault(strike, heal)


async def _endpoint(plant: Plant, url: str) -> None:
    async with _client(plant.url("gateway"), plant.first["admin_key"]) as client:
        answer = await client.post("/v1/webhook-endpoints", json={"url": url})
        assert answer.is_success, answer.text


async def _fall_silent(plant: Plant, name: str, count: int) -> None:
    async with _client(plant.url("ingest"), plant.first["server_key"]) as client:
        for number in range(count):
            events = plant.truth.fallen_silent(f"{name}-{number}")
            answer = await client.post("/v1/events", json={"events": [event.body for event in events]})
            assert answer.is_success, answer.text


def _client(base: str, key: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=base, headers={"authorization": f"Bearer {key}"}, timeout=30)


async def _holding(plant: Plant, statement: str) -> asyncpg.Connection[Any]:
    session: asyncpg.Connection[Any] = await plant.connect()
    await session.execute("BEGIN")
    await session.execute(statement)
    return session


async def _let_go(sessions: list[asyncpg.Connection[Any]]) -> None:
    while sessions:
        session = sessions.pop()
        await session.execute("ROLLBACK")
        await session.close()
