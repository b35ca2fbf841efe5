"""Composes all four services in a fresh process, without a broker or a database, and prints the first scrape.

Run as a process of its own, because in this one other tests have made series exist.
"""

from __future__ import annotations

import asyncio
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final

from kizashi_alerts.compose import compose as alerts
from kizashi_common.contracts.topics import TOPICS
from kizashi_common.db.database import Database
from kizashi_common.runtime.compose import chance, new_uuid
from kizashi_common.runtime.ops import Build, Ops
from kizashi_common.runtime.service import Resources, Service
from kizashi_gateway.compose import compose as gateway
from kizashi_health.compose import compose as health
from kizashi_ingest.compose import compose as ingest
from tests.builders import NOON
from tests.twins.bus import MemoryBus
from tests.twins.clock import SetClock

SERVICES: Final[dict[str, Callable[[Resources], Service]]] = {
    "ingest": ingest,
    "health": health,
    "alerts": alerts,
    "gateway": gateway,
}
_TOKEN: Final = {"KIZASHI_SERVICE_TOKEN": "only-for-this-test"}
_KEYS: Final = {"KIZASHI_MASTER_KEYS": b64encode(bytes(range(32))).decode()}
ENVIRONMENTS: Final[dict[str, dict[str, str]]] = {
    "ingest": _TOKEN,
    "health": {**_TOKEN, "KIZASHI_FLUSH_AT_LEAST_MS": "10", "KIZASHI_CENSUS_EVERY_MS": "50"},
    "alerts": {
        **_TOKEN, **_KEYS, "KIZASHI_HEALTH_URL": "http://127.0.0.1:9", "KIZASHI_PUBLIC_URL": "https://console.example",
    },
    "gateway": {
        **_TOKEN, **_KEYS, "KIZASHI_HEALTH_URL": "http://127.0.0.1:9", "KIZASHI_ALERTS_URL": "http://127.0.0.1:9",
        "KIZASHI_PUBLIC_URL": "https://console.example",
    },
}  # fmt: skip


def composed(bus: MemoryBus, databases: Mapping[str, Database]) -> list[Service]:
    """The four services over one bus; nothing is connected yet."""
    return [
        make(Resources(bus.producer(), bus.consumer, databases[name], bus.clock, chance, new_uuid, ENVIRONMENTS[name]))
        for name, make in SERVICES.items()
    ]


async def scrape(app: Any) -> str:
    """What `/metrics` answers."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/metrics", "headers": [], "query_string": b""}
    await app(scope, receive, send)
    return b"".join(message.get("body", b"") for message in sent).decode()


def main() -> None:
    """Prints it."""
    bus = MemoryBus({topic.name: 8 for topic in TOPICS}, SetClock(NOON))
    nowhere = "postgresql://nobody:x@127.0.0.1:9/none"
    ops = Ops(tuple(SERVICES), Build("1", "abc"))
    ops.composed(composed(bus, {name: Database(nowhere, service=name) for name in SERVICES}))
    sys.stdout.write(asyncio.run(scrape(ops.app())))


if __name__ == "__main__":
    main()
