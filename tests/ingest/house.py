"""Ingest as one process would run it, on the bus twin and real PostgreSQL; requests go in as ASGI messages."""

from __future__ import annotations

import asyncio
import hashlib
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from kizashi_common.contracts import events, quarantine
from kizashi_common.contracts.ids import uuid7
from kizashi_common.contracts.topics import EVENTS, QUARANTINE, TOPICS, UNATTRIBUTED
from kizashi_common.db.database import Database
from kizashi_common.runtime.service import Resources, Service
from kizashi_ingest.application.sources import Grant
from kizashi_ingest.compose import compose, sources_of
from kizashi_ingest.domain.source_key import NewSource
from tests.twins.bus import MemoryBus
from tests.twins.clock import SetClock

NOW = datetime(2026, 11, 22, 9, 5, tzinfo=UTC)
TOKEN = "a-token-only-for-tests"
SERVER, BROWSER, IMPORT = "WK_test", "WK_browser", "WK_import"


class Chance:
    """Bytes that look random and never are."""

    def __init__(self) -> None:
        self._drawn = 0

    def __call__(self, count: int) -> bytes:
        self._drawn += 1
        return hashlib.shake_256(str(self._drawn).encode()).digest(count)


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class House:
    """A running ingest."""

    service: Service
    bus: MemoryBus
    clock: SetClock
    headers: Mapping[str, str] = field(default_factory=dict)

    async def post(self, path: str, body: bytes | object, key: str | None = SERVER, **more: Any) -> Answer:
        """POSTs a body; an object is sent as JSON, a key in the Authorization header."""
        headers = list(more.pop("headers", ()))
        if key is not None:
            headers.append(("Authorization", basic(key)))
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.request("POST", path, raw, headers, **more)

    async def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Sequence[tuple[str, str]] = (),
        *,
        pieces: int = 1,
        raw_path: bytes | None = None,
    ) -> Answer:
        """Any request, as an ASGI server would hand it on, its body in as many pieces as asked."""
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": raw_path or path.encode(),
            "query_string": query.encode("latin-1"),
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        }
        step = max(1, -(-len(body) // pieces))
        parts = [body[i : i + step] for i in range(0, len(body), step)] or [b""]
        incoming = [{"type": "http.request", "body": p, "more_body": i + 1 < len(parts)} for i, p in enumerate(parts)]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return incoming.pop(0) if incoming else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        assert self.service.routes.public is not None
        await self.service.routes.public(scope, receive, send)
        found = {name.decode().lower(): value.decode("latin-1") for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], found, b"".join(part["body"] for part in sent[1:]))

    def messages(self, topic: str = EVENTS.name) -> list[Any]:
        """Everything on a topic, decoded, without heartbeats, partition by partition."""
        found = [events.decode(record.value) for record in self.bus.records(topic)]
        return [message for message in found if not isinstance(message, events.Heartbeat)]

    def heartbeats(self) -> list[tuple[int, events.Heartbeat]]:
        """(partition, heartbeat), in order."""
        found = [(r.partition, events.decode(r.value)) for r in self.bus.records(EVENTS.name)]
        return [(partition, message) for partition, message in found if isinstance(message, events.Heartbeat)]

    def events(self) -> list[events.Event]:
        """All events, of known accounts or not, in the order of their receipt as far as that is told."""
        found = [*self.messages(EVENTS.name), *self.messages(UNATTRIBUTED.name)]
        return [message for message in found if isinstance(message, events.Event)]

    def the_event(self) -> events.Event:
        """The only event there is."""
        (event,) = self.events()
        return event

    def refused(self) -> list[quarantine.Quarantined]:
        """What is in quarantine."""
        return [quarantine.decode(record.value) for record in self.bus.records(QUARANTINE.name)]


def basic(key: str) -> str:
    """The header of an SDK that shows its key as a user name."""
    return "Basic " + b64encode(f"{key}:".encode()).decode()


def warnings_of(event: events.Event) -> set[str]:
    """The codes of what was altered."""
    return {warning.code for warning in event.data.warnings}


async def furnish(database: Database) -> None:
    """The sources and keys that the recorded requests were made with, and some more."""
    chance = Chance()
    sources = sources_of(database, lambda: NOW, chance, lambda: uuid7(NOW, chance(10)))
    backend = NewSource("ws_demo", "backend", "Backend", "segment_server", currency="EUR")
    await sources.create_source(backend)
    await sources.import_key("ws_demo", "backend", "server", SERVER)
    await sources.import_key("ws_demo", "backend", "server", IMPORT, Grant(may_import=True))
    await sources.create_source(NewSource("ws_demo", "web-app", "Web", "segment_web"))
    await sources.import_key("ws_demo", "web-app", "browser", BROWSER)
    await sources.create_source(NewSource("ws_demo", "listed", "Listed", "segment_web", ("https://app.example.com",)))
    await sources.import_key("ws_demo", "listed", "browser", "WK_listed")
    await sources.create_source(NewSource("ws_demo", "rudder", "Rudder", "rudderstack"))
    await sources.import_key("ws_demo", "rudder", "server", "WK_rudder")
    await sources.import_key("ws_demo", "rudder", "browser", "WK_rudder_web")
    await sources.create_source(NewSource("ws_demo", "jobs", "Jobs", "native"))
    await sources.import_key("ws_demo", "jobs", "server", "WK_jobs", Grant(actor="service"))
    revoked = await sources.import_key("ws_demo", "jobs", "browser", "WK_revoked")
    await sources.revoke_key("ws_demo", revoked)


@asynccontextmanager
async def running(database: Database, clock: SetClock, **settings: str) -> AsyncIterator[House]:
    """Ingest over a fresh bus, ready, its workers running."""
    bus = MemoryBus({topic.name: topic.count(local=True) for topic in TOPICS}, clock)
    chance = Chance()

    def new_uuid() -> UUID:
        return uuid7(clock(), chance(10))

    environment = {"KIZASHI_SERVICE_TOKEN": TOKEN, "KIZASHI_HEARTBEAT_SECONDS": "300", **settings}
    service = compose(Resources(bus.producer(), bus.consumer, database, clock, chance, new_uuid, environment))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_endless(worker.run())) for worker in service.workers]
        while service.ready() is not None:
            await asyncio.sleep(0.005)
        yield House(service, bus, clock)
        for task in tasks:
            task.cancel()


async def _endless(work: Any) -> None:
    try:
        await work
    except asyncio.CancelledError:
        return
