"""A failure becomes a problem document: the right status, everything at once, nothing of the inside (RFC 9457)."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from kizashi_common.errors import Absent, Busy, Conflict, Denied, Fault, Invalid, KizashiError, Poison, StaleVersion
from kizashi_common.http.problem import MEDIA_TYPE, REQUEST_ID, RequestIds, exception_handlers, problem, status_of

ID = UUID(int=7)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Invalid(), 422),
        (Invalid(code="malformed_json"), 400),
        (Invalid(code="if_match_required"), 428),
        (Invalid(code="body_too_large"), 413),
        (Denied(), 401),
        (Denied(code="scope_missing"), 403),
        (Absent(), 404),
        (Conflict(code="already_resolved"), 409),
        (StaleVersion("changed", current={}), 412),
        (Busy(), 503),
        (Busy(code="rate_limited"), 429),
        (Poison(), 500),
        (KizashiError(), 500),
    ],
    ids=lambda value: getattr(value, "reason", value),
)
def test_a_demand_has_its_status(error: KizashiError, status: int) -> None:
    assert status_of(error) == problem(error, request_id="req_1", instance="/v1/x").status_code == status


def test_every_fault_is_shown_with_its_place() -> None:
    error = Invalid("Two things are wrong.", faults=(Fault("/a", "missing", "a"), Fault("/b/0", "type", "b")))
    answer = problem(error, request_id="req_1", instance="/v1/x")
    body = json.loads(bytes(answer.body))
    assert answer.media_type == MEDIA_TYPE
    assert [fault["pointer"] for fault in body["errors"]] == ["/a", "/b/0"]
    assert (body["type"], body["code"], body["request_id"]) == ("urn:kizashi:problem:invalid", "invalid", "req_1")


def test_who_is_busy_says_when_to_come_back_in_whole_seconds_rounded_up() -> None:
    answer = problem(Busy(retry_after=timedelta(milliseconds=1200)), request_id="r", instance="/")
    assert answer.headers["Retry-After"] == "2"


def test_a_stale_version_shows_the_current_object() -> None:
    answer = problem(StaleVersion("changed", current={"version": 3}), request_id="r", instance="/")
    assert json.loads(bytes(answer.body))["current"] == {"version": 3}


async def _fine(_: Request) -> Response:
    return PlainTextResponse("fine")


async def _denied(_: Request) -> Response:
    raise Denied


async def _broken(_: Request) -> Response:
    raise RuntimeError("the password is hunter2")


ROUTES = [Route("/fine", _fine), Route("/denied", _denied), Route("/broken", _broken)]


@pytest.mark.parametrize(
    ("path", "status"),
    [("/fine", 200), ("/denied", 401), ("/broken", 500), ("/absent", 404)],
    ids=str,
)
async def test_every_answer_carries_its_request_id_and_no_inside(path: str, status: int) -> None:
    app = RequestIds(Starlette(routes=ROUTES, exception_handlers=exception_handlers), lambda: ID)
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get(path)
    assert answer.status_code == status
    assert answer.headers[REQUEST_ID] == f"req_{ID.hex}"
    assert "hunter2" not in answer.text
    if status >= 400:
        assert answer.headers["content-type"] == MEDIA_TYPE
        assert answer.json()["request_id"] == f"req_{ID.hex}"


async def test_a_wrong_method_is_a_problem_too_and_says_what_is_allowed() -> None:
    app = RequestIds(Starlette(routes=ROUTES, exception_handlers=exception_handlers), lambda: ID)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        answer = await client.post("/fine")
    assert (answer.status_code, answer.headers["content-type"]) == (405, MEDIA_TYPE)
    assert "GET" in answer.headers["allow"]
