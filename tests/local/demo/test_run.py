"""The demo's steps in their order, over a small ingest that only counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kizashi_common.contracts.commands.health import WorkspaceSettings
from kizashi_common.errors import Busy, Denied
from kizashi_local.demo.door import Door
from kizashi_local.demo.generator import events
from kizashi_local.demo.run import JUDGED_DAYS, RECONSTRUCTED_DAYS, Demo, Steps, make_past, send_events
from kizashi_local.demo.vendor import holiday
from tests.twins.clock import SetClock

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@dataclass
class Product:
    """Ingest and the other services, as far as the demo asks them."""

    steps: list[str] = field(default_factory=list)
    settings: WorkspaceSettings | None = None
    events: int = 0
    largest: int = 0
    accounts: set[str] = field(default_factory=set)
    too_early: int = 2
    answer: int = 200

    def transport(self) -> httpx2.ASGITransport:
        routes = [
            Route("/v1/events", self._events, methods=["POST"]),
            Route("/v1/facts", self._facts, methods=["POST"]),
        ]
        return httpx2.ASGITransport(Starlette(routes=routes))

    async def _events(self, request: Request) -> Response:
        # Counted by a member that each event has once: reading them would cost more than making them.
        body = await request.body()
        count = body.count(b'"historical":true')
        self.events += count
        self.largest = max(self.largest, count, len(body) // 2_000)
        self._did("events")
        return JSONResponse({"results": [], "quarantined": 0}, self.answer)

    async def _facts(self, request: Request) -> Response:
        self.accounts |= {item["id"] for item in (await request.json())["accounts"]}
        self._did("facts")
        return JSONResponse({"results": [], "quarantined": 0})

    def _did(self, step: str) -> None:
        if self.steps[-1:] != [step]:
            self.steps.append(step)

    async def describe(self, settings: WorkspaceSettings) -> None:
        self.settings = settings
        self._did("described")

    async def scored(self) -> int:
        self._did("asked for accounts")
        return len(self.accounts)

    async def counted(self) -> int:
        self._did("asked for events")
        return 17 + self.events

    async def reconstruct(self, days: int) -> None:
        if self.too_early:
            self.too_early -= 1
            raise Busy("Nothing is proved complete yet.", retry_after=timedelta(0))
        self._did(f"reconstructed {days}")

    async def judge_past(self, days: int) -> None:
        self._did(f"judged {days}")


def demo_of(product: Product, lines: list[str]) -> Demo:
    return Demo("http://ingest", product, "kzs_key", lines.append, SetClock(NOW), product.transport())


async def test_the_past_is_made_in_the_order_that_keeps_rules_quiet() -> None:
    product, lines = Product(), list[str]()
    await make_past(demo_of(product, lines), NOW.date())
    assert product.steps == [
        "described",
        "facts",
        "asked for accounts",
        "asked for events",
        "events",
        "asked for events",
        f"reconstructed {RECONSTRUCTED_DAYS}",
        f"judged {JUDGED_DAYS}",
    ]
    assert product.settings is not None
    assert product.settings.days_off == holiday(NOW.date())
    assert len(product.accounts) == 200
    assert 360_000 <= product.events <= 440_000
    assert product.largest <= 5_000
    assert lines[-1].endswith("the demo is ready")
    assert sum(bool(re.search(r"[\d,]+ events sent, [\d,]+ a second", line)) for line in lines) >= 5


async def test_several_senders_send_every_event_once() -> None:
    product = Product()
    few = [event for event, _ in zip(events(NOW.date()), range(9_001), strict=False)]
    async with Door("http://ingest", "kzs_key", product.transport()) as door:
        assert await send_events(door, iter(few), Steps(_nowhere, SetClock(NOW))) == 9_001
    assert product.events == 9_001


@pytest.mark.parametrize("many", [1, 9_000])
async def test_a_refusal_ends_the_import_with_its_own_words(many: int) -> None:
    product = Product(answer=401)
    few: Sequence[dict[str, Any]] = [{"id": str(number)} for number in range(many)]
    async with Door("http://ingest", "kzs_key", product.transport()) as door:
        with pytest.raises(Denied):
            await send_events(door, few, Steps(_nowhere, SetClock(NOW)))


def _nowhere(_: str) -> None:
    pass
