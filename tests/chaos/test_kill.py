"""`kill -9` at random moments, and an end after every numbered step: afterwards each event was counted exactly once."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.chance import seeded
from tests.chaos.harness import Installation, Truth, comes_true, installed, moments, scored_at_rest, sending, watching

pytestmark = pytest.mark.chaos

FAILPOINT_EXIT = 86
STEPS = ("flush.step@25", "flush.rows@25", "flush.commit@25", "flush.committed@25", "relay.acknowledged@5")


async def test_a_process_killed_at_random_moments_counts_every_event_once(folder: Path) -> None:
    chance = seeded("kill -9")
    truth = Truth(chance)
    kinds = ["process", "group", "power"]
    chance.shuffle(kinds)
    async with installed(folder) as product, sending(product) as client, watching(product) as watch:
        await product.start()
        early = chance.randrange(len(kinds))
        for i, (kind, wait) in enumerate(zip(kinds, moments(chance, len(kinds), 2.5), strict=True)):
            for _ in range(25):
                client.give(truth.batch(100))
            await asyncio.sleep(wait)
            await product.kill(kind)
            client.give(truth.batch(200))
            if i == early:
                # Killed once more, before it was ready.
                await product.launch()
                await asyncio.sleep(4 * chance.random())
                await product.kill("process")
            await product.start()
        client.give(truth.batch(300))
        await client.done()
        await comes_true(product, truth)
        print(f"{product.starts} starts, {client.tries} requests, {client.sent} sends, {len(truth.events)} events,"
              f" {watch.looks} looks")  # fmt: skip
        assert await product.stop() == 0
    assert watch.looks > 10
    assert client.tries > client.sent / 50, "nothing was ever sent twice because of a kill"


async def test_an_end_after_every_step_of_flush_and_relay_counts_every_event_once(folder: Path) -> None:
    chance = seeded("failpoints")
    truth = Truth(chance)
    async with installed(folder) as product, sending(product) as client, watching(product) as watch:
        for step in STEPS:
            await product.launch(failpoint=step)
            await product.opened()
            async with asyncio.timeout(60):
                while product.process is not None and product.process.returncode is None:
                    if len(client.waiting) < 3:
                        client.give(truth.batch(100), size=20)
                    await asyncio.sleep(0.05)
            assert await product.ended() == FAILPOINT_EXIT, step
        await product.start()
        await client.done()
        await comes_true(product, truth)
        print(f"{product.starts} starts, {client.tries} requests, {len(truth.events)} events, {watch.looks} looks")
        assert await product.stop() == 0
    assert watch.looks > 10


async def test_a_second_start_over_the_same_data_finds_everything_again(folder: Path) -> None:
    chance = seeded("second start")
    truth = Truth(chance)
    async with installed(folder) as product, sending(product) as client:
        await product.start()
        for i in range(3):
            client.give(truth.fallen_silent(f"silent-{i}"))
        client.give(truth.batch(400))
        await client.done()
        await comes_true(product, truth)
        before = await settled(product, alerts=3)
        assert await product.stop() == 0
        await product.start()
        assert product.ready["admin_key"] is product.ready["server_key"] is None
        assert product.ready["workspace"] == product.first["workspace"]
        assert await settled(product, alerts=3) == before
        await product.kill("power")
        await product.start()
        assert await settled(product, alerts=3) == before
        client.give(truth.batch(200))
        await client.done()
        await comes_true(product, truth)
        assert product.process is not None
        product.process.send_signal(signal.SIGINT)
        assert await product.ended() == 0


async def settled(product: Installation, alerts: int) -> dict[str, Any]:
    """What people see, by the first key: accounts with their scores, and so many alerts, once they are there."""
    await scored_at_rest(product)
    headers = {"authorization": f"Bearer {product.first['admin_key']}"}
    seen: dict[str, Any] = {}
    async with httpx2.AsyncClient(base_url=product.ready["gateway"], headers=headers, timeout=30) as api:
        async with asyncio.timeout(40):
            while len(seen.get("alerts", ())) < alerts:
                seen = {"accounts": await pages(api, "/v1/accounts"), "alerts": await pages(api, "/v1/alerts")}
                await asyncio.sleep(0.2)
    accounts = {one["id"]: (one["external_id"], one["score"], one["band"]) for one in seen["accounts"]}
    opened = {one["id"]: (one["rule"], one["account"], one["workflow"]) for one in seen["alerts"]}
    assert len(opened) == len({(rule, str(account)) for rule, account, _ in opened.values()}), "a rule opened twice"
    return {"accounts": accounts, "alerts": opened}


async def pages(api: httpx2.AsyncClient, path: str) -> list[Any]:
    """All results of a list, page by page."""
    found: list[Any] = []
    query: dict[str, str] = {}
    while True:
        answer = await api.get(path, params=query)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        found += body["results"]
        if body["next"] is None:
            return found
        query = {"cursor": body["next"]}
