from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kizashi_common.errors import Denied, Rejected
from kizashi_local.demo.door import Door

EVENTS = [{"id": "1", "account": "even-keel", "action": "login"}]
TAKEN = {"results": [{"index": 0, "status": "accepted"}], "accepted": 1, "quarantined": 0}


@asynccontextmanager
async def door_to(answers: list[Response], heard: list[Any]) -> AsyncIterator[Door]:
    async def answer(request: Request) -> Response:
        heard.append((request.url.path, request.headers["authorization"], await request.json()))
        return answers.pop(0)

    routes = [Route(path, answer, methods=["POST"]) for path in ("/v1/events", "/v1/facts")]
    transport = httpx2.ASGITransport(Starlette(routes=routes))
    async with Door("http://ingest", "kzs_key", transport) as door:
        yield door


async def test_events_and_facts_go_to_their_own_paths_with_the_key() -> None:
    heard: list[Any] = []
    async with door_to([JSONResponse(TAKEN), JSONResponse(TAKEN)], heard) as door:
        await door.events(EVENTS)
        await door.facts([{"id": "even-keel"}])
    assert heard == [
        ("/v1/events", "Bearer kzs_key", {"events": EVENTS}),
        ("/v1/facts", "Bearer kzs_key", {"accounts": [{"id": "even-keel"}]}),
    ]


async def test_an_overloaded_ingest_is_asked_again_after_the_time_it_wants() -> None:
    heard: list[Any] = []
    busy = Response(status_code=503, headers={"retry-after": "0"})
    async with door_to([busy, busy, JSONResponse(TAKEN)], heard) as door:
        await door.events(EVENTS)
    assert len(heard) == 3


@pytest.mark.parametrize("ask", [lambda door: door.events(EVENTS), lambda door: door.facts(EVENTS)])
async def test_a_key_that_is_not_known_is_denied(ask: Callable[[Door], Awaitable[None]]) -> None:
    async with door_to([Response(status_code=401)], []) as door:
        with pytest.raises(Denied):
            await ask(door)


async def test_a_refused_event_is_a_fault_of_the_demo_and_says_which() -> None:
    said = {"results": [{"index": 0, "status": "quarantined", "code": "not_allowed"}], "quarantined": 1}
    async with door_to([JSONResponse(said)], []) as door:
        with pytest.raises(Rejected, match="not_allowed"):
            await door.events(EVENTS)


async def test_another_refusal_is_shown() -> None:
    async with door_to([Response("too large", status_code=413)], []) as door:
        with pytest.raises(Rejected, match="413"):
            await door.events(EVENTS)
