"""A load with faults: all that a dashboard has a panel for happens at least once, from outside.

Good events of several kinds and ages, accounts that have fallen silent (alerts open), one webhook that takes and one
that fails; and whatever senders do wrong: no key, no JSON, no account, no such page, far too much.

Source: OPERATIONS.md 7.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.ports import free_port
from tests.stories.harness import Kizashi

ACTIONS: Final = ("login", "feature_used", "page", "other")
READS: Final = (
    "/v1/accounts", "/v1/alerts", "/v1/accounts/ext:load-0", "/v1/accounts/ext:load-0/score",
    "/v1/accounts/ext:load-0/signals", "/v1/openapi.json", "/v1/accounts/ext:nobody", "/v1/nothing-here",
)  # fmt: skip
TURNED_AWAY: Final = ("kza_nobody", "kzs_nobody")
ACCOUNTS: Final = 40
SILENT: Final = 6
PAUSE_SECONDS: Final = 0.25


@dataclass
class Receiver:
    """A customer's endpoint: `/good` takes, `/broken` answers 500, `/slow` thinks for a second."""

    port: int = field(default_factory=free_port)
    taken: int = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    async def answer(self, request: Request) -> Response:
        kind = request.path_params["kind"]
        self.taken += kind == "good"
        if kind == "slow":
            await asyncio.sleep(1)
        return Response(status_code=500 if kind == "broken" else 204)


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver for as long as the block lasts."""
    one = Receiver()
    app = Starlette(routes=[Route("/{kind}", one.answer, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=one.port, log_config=None, lifespan="off"))
    task = asyncio.ensure_future(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield one
    finally:
        server.should_exit = True
        await task


async def prepare(product: Kizashi, hook: Receiver) -> None:
    """Endpoints, and accounts that were used daily until a fortnight ago: their silence opens alerts."""
    async with product.client() as api, product.sender() as sender:
        for kind in ("good", "broken", "slow"):
            (await api.post("/v1/webhook-endpoints", json={"url": hook.url(kind)})).raise_for_status()
        await api.post("/v1/webhook-endpoints", json={"url": "http://10.0.0.1/hook"})
        for number in range(SILENT):
            events = [_event(f"load-silent-{number}", f"s{number}-{day}", "login", days=day) for day in range(10, 27)]
            await _said(sender, "/v1/events", {"events": events})


async def load(product: Kizashi, seconds: float) -> None:
    """Sends and reads until the time is over; whoever answers with an error, or not at all, is part of it."""
    async with product.client() as api, product.sender() as sender:
        ends = asyncio.get_running_loop().time() + seconds
        turn = 0
        while asyncio.get_running_loop().time() < ends:
            await asyncio.gather(_good(sender, turn), _bad(sender, turn), _read(api, turn), _act(api, turn))
            await asyncio.sleep(PAUSE_SECONDS)
            turn += 1


async def _good(sender: httpx2.AsyncClient, turn: int) -> None:
    events = [
        _event(f"load-{(turn + number) % ACCOUNTS}", f"g{turn}-{number}", ACTIONS[number % 4], days=number % 3)
        for number in range(12)
    ]
    await _said(sender, "/v1/events", {"events": [*events, events[0]]})
    await _said(sender, "/v1/events", {"events": events[:2]})  # as after a lost answer
    await _said(sender, "/v1/batch", _segment(turn))
    if turn % 10 == 9:  # one that was silent comes back: its band changes, its alert ends
        back = f"load-silent-{turn // 10 % 3}"
        await _said(
            sender, "/v1/events", {"events": [_event(back, f"r{turn}-{day}", "login", days=day) for day in range(9)]}
        )
    facts = {"seats": 10 + turn % 5, "arr": 4_800}
    if turn % 20 == 0:
        stated = {"id": "load-0", "at": _at(0), "event_id": f"f{turn}", "facts": facts}
        await _said(sender, "/v1/facts", {"accounts": [stated]})


async def _bad(sender: httpx2.AsyncClient, turn: int) -> None:
    odd = [
        {"id": f"b{turn}", "action": "login"}, 7, {"account": "", "user": "u", "action": "login", "at": _at(0)},
        {**_event("load-late", f"o{turn}", "login"), "at": "1999-01-01T00:00:00Z"},
        {**_event("load-odd", f"t{turn}", "session_started")},
        {**_event("load-early", f"e{turn}", "login"), "at": _at(-2)},
        {"id": f"u{turn}", "user": "somebody", "action": "login", "at": _at(0)},
    ]  # fmt: skip
    if turn % 8 == 0:
        await _said(sender, "/v1/events", {"events": odd})
    if turn % 8 == 4:
        await _said(sender, "/v1/events", {"events": []}, authorization=f"Bearer {TURNED_AWAY[1]}")
        await _raw(sender, "/v1/events", b"{ this is not JSON")
        await _raw(sender, "/v1/batch", b'{"batch": [{"type": "track", "event": "Used", "properties": {"r": NaN}}]}')
        await _raw(sender, "/v1/no-such-route", b"{}")


async def _read(api: httpx2.AsyncClient, turn: int) -> None:
    await _got(api, READS[turn % len(READS)])
    await _got(api, "/v1/accounts/ext:load-1/score", as_of=_at(3)[:10])
    if turn % 16 == 0:
        await _got(api, "/v1/accounts", headers={"authorization": f"Bearer {TURNED_AWAY[0]}"})


async def _act(api: httpx2.AsyncClient, turn: int) -> None:
    """A person resolves one open alert now and then."""
    if turn % 20 != 10:
        return
    answer = await _got(api, "/v1/alerts", state="open")
    open_ones = answer.json()["results"] if answer is not None and answer.status_code == 200 else []
    if open_ones:
        path = f"/v1/alerts/{open_ones[0]['id']}"
        alert = await _got(api, path)
        tag = alert.headers.get("etag", "") if alert is not None else ""
        await _said(api, f"{path}/resolve", {"feedback": "useful"}, **{"if-match": tag})


def _segment(turn: int) -> dict[str, Any]:
    context = {"groupId": f"load-{turn % ACCOUNTS}"}
    track = {"type": "track", "event": "Feature Used", "userId": "u", "context": context, "messageId": f"m{turn}"}
    return {"batch": [{**track, "timestamp": _at(0), "properties": {"feature": "export"}}]}


def _event(account: str, identity: str, action: str, *, days: float = 0) -> dict[str, Any]:
    event = {"id": identity, "account": account, "user": "u", "action": action, "at": _at(days)}
    return {**event, "feature": "export"} if action == "feature_used" else event


def _at(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


async def _said(client: httpx2.AsyncClient, path: str, body: Mapping[str, Any], **headers: str) -> None:
    try:
        await client.post(path, json=body, headers=headers)
    except httpx2.HTTPError:
        return


async def _raw(client: httpx2.AsyncClient, path: str, body: bytes) -> None:
    try:
        await client.post(path, content=body, headers={"content-type": "application/json"})
    except httpx2.HTTPError:
        return


async def _got(client: httpx2.AsyncClient, path: str, **given: Any) -> httpx2.Response | None:
    headers = given.pop("headers", {})
    try:
        return await client.get(path, params=given, headers=headers)
    except httpx2.HTTPError:
        return None
