"""The canary as an operator starts it: it succeeds where the product works, and says what it met where it does not."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx2
import pytest

from tests.ports import free_port
from tests.stories.harness import Kizashi, create_workspace, eventually

pytestmark = pytest.mark.story

FAST = {
    "KIZASHI_CANARY_SCORE_EVERY_SECONDS": "1",
    "KIZASHI_CANARY_SCORE_WAIT_SECONDS": "20",
    "KIZASHI_CANARY_ALERT_EVERY_SECONDS": "1",
    "KIZASHI_CANARY_ALERT_WAIT_SECONDS": "30",
}


class Canary:
    """A running `kizashi canary`."""

    def __init__(self, process: asyncio.subprocess.Process, ops: str) -> None:
        self.process = process
        self._ops = ops

    async def status(self, path: str) -> int | None:
        """What its ops port answers; None while it does not."""
        async with httpx2.AsyncClient(base_url=self._ops, timeout=5) as client:
            try:
                return (await client.get(path)).status_code
            except httpx2.HTTPError:
                return None

    async def metrics(self) -> dict[str, float]:
        """Its own metrics by their whole name, labels included."""
        async with httpx2.AsyncClient(base_url=self._ops, timeout=5) as client:
            try:
                text = (await client.get("/metrics")).text
            except httpx2.HTTPError:
                return {}
        found = re.findall(r"^kizashi_canary_(\S+) (\S+)$", text, re.MULTILINE)
        return {name: float(value) for name, value in found}


@asynccontextmanager
async def singing(product: Kizashi, keys: Mapping[str, str], log: int) -> AsyncIterator[Canary]:
    """A canary with these keys, ended in good order."""
    port = free_port()
    ours = {
        **FAST,
        "KIZASHI_CANARY_INGEST_URL": product.ingest,
        "KIZASHI_CANARY_GATEWAY_URL": product.gateway,
        "KIZASHI_CANARY_SERVER_KEY": keys["server_key"],
        "KIZASHI_CANARY_API_KEY": keys["admin_key"],
        "KIZASHI_LISTEN_HOST": "127.0.0.1",
        "KIZASHI_OPS_PORT": str(port),
    }
    around = {name: value for name, value in os.environ.items() if not name.startswith("KIZASHI_")}
    command = (sys.executable, "-m", "kizashi_cli.main", "canary")
    process = await asyncio.create_subprocess_exec(*command, env=around | ours, stdout=log, stderr=log)
    try:
        yield Canary(process, f"http://127.0.0.1:{port}")
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_both_legs_come_back_from_a_product_that_works(product: Kizashi) -> None:
    keys = await create_workspace(product, "canary")
    async with singing(product, keys, asyncio.subprocess.DEVNULL) as canary:
        await eventually(lambda: canary.status("/readyz"), lambda status: status == 200)
        first = await canary.metrics()
        counts = [f'roundtrip_seconds_count{{leg="{leg}"}}' for leg in ("score", "alert")]
        seen = await eventually(canary.metrics, lambda found: all(found.get(name, 0) >= 2 for name in counts), 60)
        assert await canary.status("/livez") == 200
    assert len([name for name in first if name.startswith("failures_total")]) == 6, "every series from the first scrape"
    assert {name: value for name, value in seen.items() if name.startswith("failures_total") and value} == {}
    assert seen["sent_total"] >= 2 + 14 + 5
    for leg in ("score", "alert"):
        name = f'last_success_timestamp_seconds{{leg="{leg}"}}'
        assert seen[name] > first[name]


async def test_a_door_that_refuses_is_counted_and_ends_nothing(product: Kizashi) -> None:
    keys = await create_workspace(product, "canary-refused")
    wrong = {**keys, "server_key": keys["admin_key"]}
    async with singing(product, wrong, asyncio.subprocess.DEVNULL) as canary:
        refused = [f'failures_total{{leg="{leg}",reason="refused"}}' for leg in ("score", "alert")]
        await eventually(canary.metrics, lambda found: all(found.get(name, 0) >= 2 for name in refused), 60)
        assert await canary.status("/readyz") == 200
        assert canary.process.returncode is None
