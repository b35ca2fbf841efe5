"""A product under load with faults, its canary, and a Prometheus over both: what dashboards are checked against.

Rules keep their conditions and lose their patience (`for`, slow evaluation), so that minutes are enough to see them.

Source: OPERATIONS.md 7.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import yaml
from deploy.observability.grafana.answers import Source, Span

from kizashi_local.instance import read_state
from tests.ops.dashboards_load import load, prepare, receiver
from tests.ops.prometheus import RULES, Prometheus, prometheus_over, running
from tests.ports import free_port
from tests.stories.harness import Kizashi, create_workspace, kizashi_up

SCRAPED_EVERY: Final = 2
RATE_SECONDS: Final = 20
"""At a scrape of two seconds; with the shipped 15 s it is a minute."""
QUICK: Final = {
    "KIZASHI_SCORES_PUBLISH_EVERY_MS": "500",
    "KIZASHI_HEARTBEAT_SECONDS": "3",
    "KIZASHI_ACK_SECONDS": "3",
}


@dataclass(frozen=True)
class Watched:
    """What runs, and since when it is watched."""

    product: Kizashi
    prometheus: Prometheus
    since: float

    @property
    def source(self) -> Source:
        """The Prometheus, as dashboards ask it."""
        return Source(self.prometheus.address)

    def span(self) -> Span:
        """From the beginning to now."""
        return Span(self.since, time.time(), SCRAPED_EVERY, RATE_SECONDS)

    def child(self, name: str) -> int:
        """The process id of a server that the product started: postgres, or the broker."""
        state = read_state(Path(str(self.product.ready["data"])))
        assert state is not None
        return next(child.pid for child in state.children if (child.name == "postgres") == (name == "postgres"))


@asynccontextmanager
async def watched(folder: Path, seconds: float) -> AsyncIterator[Watched]:
    """Everything running, after so many seconds of load; the load goes on while the block lasts."""
    async with kizashi_up(folder / "data", environment=QUICK) as product, receiver() as hook:
        keys = await create_workspace(product, "canary")
        ops = free_port()
        with _canary(product, keys, ops, folder), _prometheus(product, ops, folder) as prometheus:
            begun = time.time()
            await prepare(product, hook)
            await load(product, seconds)
            sending = asyncio.ensure_future(load(product, 3_600))
            try:
                yield Watched(product, prometheus, begun)
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)


@asynccontextmanager
async def frozen(*processes: int) -> AsyncIterator[None]:
    """Stopped in their tracks for as long as the block lasts: they hold their connections and answer nothing."""
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(processes):
            os.kill(pid, signal.SIGCONT)


def family(pid: int) -> list[int]:
    """A process and its children, the parent first: it must not start others while they are stopped."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(int(child) for child in listed)]


@contextmanager
def _canary(product: Kizashi, keys: dict[str, str], ops: int, folder: Path) -> Iterator[None]:
    settings = {
        "KIZASHI_CANARY_INGEST_URL": product.ingest,
        "KIZASHI_CANARY_GATEWAY_URL": product.gateway,
        "KIZASHI_CANARY_SERVER_KEY": keys["server_key"],
        "KIZASHI_CANARY_API_KEY": keys["admin_key"],
        "KIZASHI_CANARY_SCORE_EVERY_SECONDS": "2",
        "KIZASHI_CANARY_ALERT_EVERY_SECONDS": "5",
        "KIZASHI_LISTEN_HOST": "127.0.0.1",
        "KIZASHI_OPS_PORT": str(ops),
    }
    command = [sys.executable, "-m", "kizashi_cli.main", "canary"]
    with running(command, folder / "canary.log", folder, **settings):
        yield


@contextmanager
def _prometheus(product: Kizashi, canary: int, folder: Path) -> Iterator[Prometheus]:
    ports = [int(urlsplit(str(product.ready["ops"])).port or 0), canary]
    rules = _impatient(folder / "rules")
    with prometheus_over(ports, folder / "prometheus", rules=rules, every=f"{SCRAPED_EVERY}s") as prometheus:
        yield prometheus


def _impatient(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for shipped in RULES.glob("*.yaml"):
        held: dict[str, Any] = yaml.safe_load(shipped.read_text())
        for group in held["groups"]:
            group.pop("interval", None)
            for rule in group["rules"]:
                rule.pop("for", None)
        (folder / shipped.name).write_text(yaml.safe_dump(held))
    return folder


def reasons(file: Path) -> dict[str, dict[str, str]]:
    """Panels that may be empty, by dashboard, each with its reason. Raises: ValidationError for another shape."""
    return msgspec.convert(yaml.safe_load(file.read_text()) or {}, dict[str, dict[str, str]])
