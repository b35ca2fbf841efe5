"""A request is a span under its route, and what is said or asked while it is worked on carries its trace."""

from __future__ import annotations

import io
import json
from uuid import UUID

import httpx2
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kizashi_common.http.internal import InternalClient
from kizashi_common.http.problem import RequestIds, exception_handlers
from kizashi_common.http.traced import Traced
from kizashi_common.telemetry.logging import get_logger
from kizashi_common.telemetry.spans import Attribute
from kizashi_common.telemetry.tracing import parsed
from tests.alerts.receiver import receiving

ID = UUID("0192f0c1-d2e3-7abc-8def-0123456789ab")


async def account(_: Request) -> Response:
    get_logger().warning("audit_result_lost")
    return Response("fine")


async def broken(_: Request) -> Response:
    raise ValueError("hunter2")


async def forwarding(request: Request) -> Response:
    owner = InternalClient(request.headers["owner"], "token", "gateway")
    await owner.call("GET", "/", ("ws", "system"))
    await owner.aclose()
    return Response("fine")


def door() -> httpx2.AsyncClient:
    """The gateway's door, as a client sees it."""
    routes = [Route("/a/{id}", account), Route("/broken/{id}", broken), Route("/forward", forwarding)]
    app = RequestIds(
        Traced(Starlette(routes=routes, exception_handlers=exception_handlers), "gateway", is_public=True), lambda: ID
    )
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://door")


async def test_a_span_has_the_routes_name_and_never_the_path(spans: InMemorySpanExporter) -> None:
    async with door() as client:
        await client.get("/a/hunter2?token=hunter2", headers={"user-agent": "hunter2"})
        await client.get("/nowhere/hunter2")
        await client.request("HUNTER2", "/a/x")
    assert [span.name for span in spans.get_finished_spans()] == ["GET /a/{id}", "GET unmatched", "other /a/{id}"]
    assert "hunter2" not in "".join(span.to_json().lower() for span in spans.get_finished_spans())


async def test_an_error_of_ours_marks_the_span_and_its_line_names_request_and_trace(
    spans: InMemorySpanExporter, lines: io.StringIO
) -> None:
    async with door() as client:
        answer = await client.get("/broken/hunter2")
    (span,) = spans.get_finished_spans()
    line = json.loads(lines.getvalue().splitlines()[0])
    assert answer.status_code == 500
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})[Attribute.STATUS] == 500
    assert (line["event"], line["service"], line["route"]) == ("request_failed", "gateway", "/broken/{id}")
    assert line["request_id"] == answer.headers["kizashi-request-id"]
    assert line["trace_id"] == f"{span.context.trace_id:032x}"
    assert "hunter2" not in lines.getvalue()


async def test_where_nothing_is_recorded_the_requests_own_id_is_the_trace(lines: io.StringIO) -> None:
    async with door() as client:
        await client.get("/a/1")
    line = json.loads(lines.getvalue())
    assert (line["trace_id"], line["request_id"]) == (ID.hex, f"req_{ID.hex}")


async def test_a_call_to_another_service_goes_on_with_the_trace(spans: InMemorySpanExporter) -> None:
    async with receiving() as owner, door() as client:
        await client.get("/forward", headers={"owner": f"http://127.0.0.1:{owner.port}"})
    (span,) = spans.get_finished_spans()
    context = parsed(owner.got[0].headers["traceparent"])
    assert context is not None
    assert (context.trace_id, context.span_id) == (span.context.trace_id, span.context.span_id)
