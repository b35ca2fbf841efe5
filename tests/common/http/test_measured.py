"""What a door counts of its requests, seen through real routers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import httpx2
import pytest
from fastapi import APIRouter, FastAPI
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kizashi_common.http.measured import EXEMPLAR, PREFIX, Measured, Objective
from tests.counted import Growth, judged, value

SERVICE = "test-door"


class Stopwatch:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def watch() -> Stopwatch:
    return Stopwatch()


def counted(route: str, method: str, code: int) -> Growth:
    return Growth("http_requests_total", service=SERVICE, route=route, method=method, code=str(code))


def client(app: ASGIApp) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=cast("Any", app), raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://door.test")


def an_app(watch: Stopwatch) -> Starlette:
    async def thing(request: Request) -> Response:
        watch.at += 0.2
        return PlainTextResponse(request.path_params["id"])

    async def dripping(_: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(3):
                watch.at += 0.4
                yield b"x"

        return StreamingResponse(pieces())

    async def broken(_: Request) -> Response:
        raise RuntimeError("on purpose")

    routes = [Route("/things/{id}", thing), Route("/dripping", dripping), Route("/broken", broken)]
    return Starlette(routes=routes)


def a_door(watch: Stopwatch, **more: Any) -> Measured:
    return Measured(an_app(watch), SERVICE, now=watch, **more)


async def test_a_request_is_counted_under_its_template_and_never_under_its_path(watch: Stopwatch) -> None:
    grown = counted("/things/{id}", "GET", 200)
    async with client(a_door(watch)) as door:
        for number in range(1_000):
            await door.get(f"/things/{number}")
    assert grown() == 1_000
    samples = [sample for metric in REGISTRY.collect() for sample in metric.samples]
    assert not any("/things/7" in label for sample in samples for label in sample.labels.values())


@pytest.mark.parametrize("path", ["/", "/nothing/here", "/things", "/%F0%9F%A6%8A"])
async def test_what_no_router_knows_has_one_route(watch: Stopwatch, path: str) -> None:
    grown = counted("unmatched", "GET", 404)
    async with client(a_door(watch)) as door:
        await door.get(path)
    assert grown() == 1


async def test_a_wrong_method_is_counted_at_the_route_that_refused_it(watch: Stopwatch) -> None:
    grown = counted("/things/{id}", "DELETE", 405)
    async with client(a_door(watch)) as door:
        await door.delete("/things/1")
    assert grown() == 1


async def test_methods_are_a_closed_set(watch: Stopwatch) -> None:
    grown = counted("/things/{id}", "other", 405)
    async with client(a_door(watch)) as door:
        await door.request("BREW", "/things/1")
        await door.request("brew", "/things/1")
    assert grown() == 2


async def test_a_prefix_that_a_router_leaves_out_is_put_back_once(watch: Stopwatch) -> None:
    rest, router = FastAPI(openapi_url=None), APIRouter()

    @router.get("/accounts/{id}")
    async def account(id: str = "") -> str:  # noqa: A002
        return id

    rest.include_router(router, prefix="/v1")
    rest.add_api_route("/v1/top", account)

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        scope[PREFIX] = "/v1"
        await rest(scope, receive, send)

    resource, page, nothing = (
        counted("/v1/accounts/{id}", "GET", 200),
        counted("/v1/top", "GET", 200),
        counted("unmatched", "GET", 404),
    )
    async with client(Measured(front, SERVICE, now=watch)) as door:
        for path in ("/v1/accounts/acme", "/v1/top?id=a", "/v1/nothing"):
            await door.get(path)
    assert (resource(), page(), nothing()) == (1, 1, 1)


async def test_the_duration_ends_with_the_last_byte(watch: Stopwatch) -> None:
    labels = {"service": SERVICE, "route": "/dripping"}
    seconds = Growth("http_request_duration_seconds_sum", **labels)
    count = Growth("http_request_duration_seconds_count", **labels)
    async with client(a_door(watch)) as door:
        assert (await door.get("/dripping")).text == "xxx"
    assert count() == 1
    assert seconds() == pytest.approx(1.2)


async def test_an_exception_is_a_500_and_goes_on_its_way(watch: Stopwatch) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("on purpose")

    unanswered, answered = counted("unmatched", "GET", 500), counted("/broken", "GET", 500)
    with pytest.raises(RuntimeError):
        await ask(Measured(broken, SERVICE, now=watch))
    async with client(a_door(watch)) as door:
        await door.get("/broken")
    assert (unanswered(), answered()) == (1, 1)
    assert value("http_requests_in_flight", service=SERVICE) == 0


async def test_an_answer_that_breaks_off_is_no_success(watch: Stopwatch) -> None:
    async def breaking(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("on purpose")

    whole, broken = counted("unmatched", "GET", 200), counted("unmatched", "GET", 500)
    with pytest.raises(RuntimeError):
        await ask(Measured(breaking, SERVICE, now=watch))
    assert (whole(), broken()) == (0, 1)


async def test_a_client_that_left_before_an_answer_made_no_finished_request(watch: Stopwatch) -> None:
    async def left(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    before = value("http_request_duration_seconds_count", service=SERVICE, route="unmatched")
    good, bad = judged("gateway-reads")
    await ask(Measured(left, SERVICE, objective=Objective("gateway-reads", lambda *_: True), now=watch))
    assert value("http_request_duration_seconds_count", service=SERVICE, route="unmatched") == before
    assert (good(), bad()) == (0, 0)


async def test_requests_are_in_flight_while_they_are_worked_on(watch: Stopwatch) -> None:
    seen: list[float] = []

    async def looking(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(value("http_requests_in_flight", service=SERVICE))
        await PlainTextResponse("")(scope, receive, send)

    inner = Measured(looking, SERVICE, now=watch)
    await ask(inner)
    await ask(Measured(inner, SERVICE, now=watch))
    assert seen == [1, 2]
    assert value("http_requests_in_flight", service=SERVICE) == 0


@pytest.mark.parametrize(("verdict", "expected"), [(True, (1, 0)), (False, (0, 1)), (None, (0, 0))])
async def test_the_services_own_verdict_is_what_counts(
    watch: Stopwatch, verdict: bool | None, expected: tuple[int, int]
) -> None:
    asked: list[tuple[str, str, int, float]] = []

    def judge(route: str, method: str, code: int, seconds: float) -> bool | None:
        asked.append((route, method, code, seconds))
        return verdict

    good, bad = judged("gateway-reads")
    async with client(a_door(watch, objective=Objective("gateway-reads", judge))) as door:
        await door.get("/things/1")
    assert (good(), bad()) == expected
    assert asked == [("/things/{id}", "GET", 200, pytest.approx(0.2))]


async def test_a_slow_sender_is_no_slow_answer(watch: Stopwatch) -> None:
    pieces = [b"a", b"b", b"c"]

    async def dripping() -> Message:
        watch.at += 5.0
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def reading(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["more_body"]:
            pass
        watch.at += 0.5
        await PlainTextResponse("")(scope, receive, send)

    asked: list[float] = []

    def judge(route: str, method: str, code: int, seconds: float) -> None:
        asked.append(seconds)

    total = Growth("http_request_duration_seconds_sum", service=SERVICE, route="unmatched")
    objective = Objective("ingest-availability", judge)
    await ask(Measured(reading, SERVICE, objective=objective, now=watch), receive=dripping)
    assert asked == [pytest.approx(0.5)]
    assert total() == pytest.approx(15.5)


async def test_a_request_that_is_traced_tags_its_duration(watch: Stopwatch) -> None:
    async def traced(scope: Scope, receive: Receive, send: Send) -> None:
        scope[EXEMPLAR] = {"trace_id": "ab" * 16}
        watch.at += 0.02
        await PlainTextResponse("")(scope, receive, send)

    await ask(Measured(traced, "test-traced", now=watch))
    tags = [
        sample.exemplar.labels
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.exemplar is not None and sample.labels.get("service") == "test-traced"
    ]
    assert tags == [{"trace_id": "ab" * 16}]


async def test_what_is_no_request_passes_uncounted(watch: Stopwatch) -> None:
    passed: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        passed.append(scope["type"])

    await ask(Measured(app, SERVICE, now=watch), type="lifespan")
    assert passed == ["lifespan"]


async def ask(app: ASGIApp, receive: Receive | None = None, **more: Any) -> list[Message]:
    """One request as an ASGI server would hand it on; what was sent."""
    sent: list[Message] = []

    async def empty() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"", "headers": []}
    await app({**scope, **more}, receive or empty, send)
    return sent
