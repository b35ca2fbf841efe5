"""Kizashi as a newcomer meets it: the command `kizashi up`, its ready line, its HTTP doors. Nothing from the inside."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.conftest import JARS
from tests.ports import free_base

READY_WITHIN = 240.0


@dataclass(frozen=True)
class Kizashi:
    """One running `kizashi up`, as its ready line describes it.

    `here` is the address under which the product reaches this machine, for webhooks.
    """

    ready: Mapping[str, Any]
    process: asyncio.subprocess.Process | None
    log: Path
    here: str = "127.0.0.1"

    @property
    def gateway(self) -> str:
        return str(self.ready["gateway"])

    @property
    def ingest(self) -> str:
        return str(self.ready["ingest"])

    @property
    def data(self) -> Path:
        return Path(self.ready["data"])

    def client(self, admin_key: str | None = None) -> httpx2.AsyncClient:
        """The gateway's API with a key; the first admin's unless another is given."""
        key = admin_key or self.ready["admin_key"]
        return httpx2.AsyncClient(base_url=self.gateway, headers={"authorization": f"Bearer {key}"}, timeout=60)

    def sender(self, server_key: str | None = None) -> httpx2.AsyncClient:
        """Ingest's door with a server key, as the Segment SDKs send it: Basic, the key as user."""
        key = server_key or self.ready["server_key"]
        basic = base64.b64encode(f"{key}:".encode()).decode()
        return httpx2.AsyncClient(base_url=self.ingest, headers={"authorization": f"Basic {basic}"}, timeout=60)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Asks it to end; returns its exit code."""
        assert self.process is not None, "this one was started by others"
        if self.process.returncode is None:
            self.process.send_signal(how)
        return await asyncio.wait_for(self.process.wait(), 90)


@asynccontextmanager
async def kizashi_up(
    data: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Kizashi]:
    """Starts `kizashi up --json` over a data directory, and stops it in good order if the test has not."""
    started = await start(data, *arguments, environment=environment)
    try:
        yield started
    finally:
        assert started.process is not None
        if started.process.returncode is None:
            await started.stop()
        else:
            print(f"kizashi up ended by itself:\n{started.log.read_text(errors='replace')[-4000:]}")


async def start(data: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Kizashi:
    """Starts it and waits for its ready line."""
    data.parent.mkdir(parents=True, exist_ok=True)
    log = data.parent / f"{data.name}.log"
    command = (
        sys.executable,
        "-m",
        "kizashi_cli.main",
        "up",
        "--json",
        "--data",
        str(data),
        "--port-base",
        str(free_base()),
    )
    given = {**os.environ, "KIZASHI_KAFKA_JARS_DIR": str(JARS), **(environment or {})}
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *command, *arguments, stdout=asyncio.subprocess.PIPE, stderr=errors, env=given, start_new_session=True
        )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), READY_WITHIN)
    if not line:
        raise AssertionError(f"kizashi up ended: {log.read_text(errors='replace')[-3000:]}")
    return Kizashi(json.loads(line), process, log)


async def eventually(ask: Callable[[], Awaitable[Any]], is_true: Callable[[Any], bool], seconds: float = 30.0) -> Any:
    """Asks until the answer is as wanted; returns it."""
    answer: Any = None
    try:
        async with asyncio.timeout(seconds):
            while True:
                answer = await ask()
                if is_true(answer):
                    return answer
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not within {seconds} s; the last answer was {answer!r}") from None


async def get(client: httpx2.AsyncClient, path: str, **query: str) -> Any:
    """The JSON of a 200 answer, else None."""
    answer = await client.get(path, params=query)
    return answer.json() if answer.status_code == 200 else None


async def create_workspace(product: Kizashi, name: str) -> dict[str, str]:
    """Another workspace of the running product, by the command an operator uses; its keys."""
    command = (sys.executable, "-m", "kizashi_cli.main", "admin", "create-workspace", name, "--yes")
    process = await asyncio.create_subprocess_exec(
        *command, "--data", str(product.ready["data"]), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode(errors="replace")
    keys: dict[str, str] = json.loads(out)
    return keys
