"""A thousand accounts in twenty workspaces, from the door to the alerts, make no series: no customer is a label."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.registry import REGISTRY

from kizashi_common.contracts.topics import SCORES, TOPICS
from kizashi_common.db.database import Database
from kizashi_common.runtime.compose import chance, new_uuid
from kizashi_common.runtime.service import Service
from kizashi_ingest.compose import sources_of
from kizashi_ingest.domain.source_key import NewSource
from tests.architecture.first_scrape import SERVICES, composed
from tests.architecture.test_first_scrape import MOST_SERIES
from tests.builders import NOON
from tests.conftest import Databases
from tests.health.harness import until
from tests.ingest.house import House
from tests.twins.bus import MemoryBus
from tests.twins.clock import GoingClock

WORKSPACES: Final = 20
ACCOUNTS: Final = 50
USERS: Final = 3
BY_STATEMENT: Final = "kizashi_db_query_seconds"
"""A statement has a series from its first use on, and some are used for the first time after a minute."""


def series(registry: CollectorRegistry = REGISTRY) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    """Every series of ours that a scrape would show now."""
    return {
        (sample.name, tuple(sorted(sample.labels.items())))
        for family in registry.collect()
        if family.name.startswith("kizashi_")
        for sample in family.samples
    }


@dataclass
class Product:
    """The four services over twins and PostgreSQL, working."""

    bus: MemoryBus
    services: list[Service]
    databases: dict[str, Database]
    keys: list[str] = field(default_factory=list)

    async def furnish(self) -> None:
        """A source with a key in each workspace."""
        sources = sources_of(self.databases["ingest"], self.bus.clock, chance, new_uuid)
        for workspace in range(WORKSPACES):
            name = f"ws_{workspace}"
            await sources.create_source(NewSource(name, "backend", "Backend", "native"))
            await sources.import_key(name, "backend", "server", f"WK_{workspace}")
            self.keys.append(f"WK_{workspace}")

    async def live_through_a_day(self, first: int, accounts: int) -> None:
        """Every workspace sends logins, some of them bad, of so many accounts; every one of them is scored."""
        ingest, gateway = (House(s, self.bus, self.bus.clock) for s in (self.services[0], self.services[3]))
        for key in self.keys:
            events = [
                {"id": f"e{a}-{u}", "account": f"acct-{a}", "user": f"u{u}", "action": "login", "name": "Signed In"}
                for a in range(first, first + accounts)
                for u in range(USERS)
            ]
            answer = await ingest.post("/v1/events", {"events": [*events, {"id": "bad", "account": "acct-x"}]}, key)
            assert answer.json["accepted"] == len(events)
            await ingest.post("/v1/events", {"id": key}, f"unknown-{key}")
            await gateway.request("GET", f"/v1/accounts/acc_{key}")
        scored = len(self.keys) * (first + accounts)

        async def told() -> bool:
            return len({json.loads(r.value)["id"] for r in self.bus.records(SCORES.name)}) >= scored

        await until(told, 60)
        for service in self.services[1:3]:
            await service.drains[0].run()


@asynccontextmanager
async def product(databases: Databases) -> AsyncIterator[Product]:
    bus = MemoryBus({topic.name: 8 for topic in TOPICS}, GoingClock(NOON))
    own = {name: Database(databases.urls[name], service=name) for name in SERVICES}
    made = Product(bus, composed(bus, own), own)
    await made.furnish()
    tasks = [asyncio.ensure_future(worker.run()) for service in made.services for worker in service.workers]

    async def ready() -> bool:
        for task in tasks:
            if task.done():
                task.result()
        return all(service.ready() is None for service in made.services)

    try:
        await until(ready, 20)
        yield made
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        for database in own.values():
            await database.close()


async def measured() -> bool:
    """Every partition that is proved has been looked at, which happens once in a few seconds."""
    name = "kizashi_health_complete_age_seconds"
    return all(REGISTRY.get_sample_value(name, {"partition": str(p)}) is not None for p in range(8))


async def test_customers_make_no_series(databases: Databases) -> None:
    async with product(databases) as made:
        await made.live_through_a_day(0, 1)
        await until(measured, 20)
        before = series()
        await made.live_through_a_day(1, ACCOUNTS - 1)
        await asyncio.sleep(1.2)
        after = series()
    assert {one for one in after - before if not one[0].startswith(BY_STATEMENT)} == set()
    statements = {dict(labels)["query"] for name, labels in after if name.startswith(BY_STATEMENT)}
    assert all(re.fullmatch("[a-z_]+", statement) for statement in statements), statements
    ours = {one for one in after if dict(one[1]).get("service", "health") in SERVICES}
    assert len(ours) < MOST_SERIES, len(ours)
    print(f"{len(ours)} series of four services in one process")


def test_a_customer_as_a_label_is_seen() -> None:
    registry = CollectorRegistry()
    planted: Any = Counter("kizashi_planted", "Grows with customers", ["workspace"], registry=registry)
    planted.labels("ws_0")
    before = series(registry)
    planted.labels("ws_1")
    assert {labels for _, labels in series(registry) - before} == {(("workspace", "ws_1"),)}
