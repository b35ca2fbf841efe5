"""Failures as RFC 9457 problem documents: the one place that knows status codes.

Every answer, good or bad, carries `Kizashi-Request-Id`. What nobody foresaw becomes 500 with nothing of its inside,
and is logged once with its cause.

Source: GATEWAY.md 1; INGEST.md 7.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from math import ceil
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kizashi_common.contracts.ids import NewUuid, shown
from kizashi_common.errors import (
    Absent,
    Busy,
    Conflict,
    Denied,
    Fault,
    Invalid,
    KizashiError,
    StaleVersion,
)
from kizashi_common.http.measured import template
from kizashi_common.telemetry.logging import get_logger

REQUEST_ID: Final = "kizashi-request-id"
MEDIA_TYPE: Final = "application/problem+json"
_METHODS: Final = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")

_BY_REASON: Final = {
    "malformed_json": 400,
    "cursor_mismatch": 400,
    "scope_missing": 403,
    "csrf": 403,
    "if_match_required": 428,
    "body_too_large": 413,
    "unsupported_media_type": 415,
    "method_not_allowed": 405,
    "rate_limited": 429,
}
_BY_KIND: Final[tuple[tuple[type[KizashiError], int], ...]] = (
    (StaleVersion, 412),
    (Conflict, 409),
    (Absent, 404),
    (Denied, 401),
    (Busy, 503),
    (Invalid, 422),
)
_FRAMEWORK: Final = {
    400: "malformed_json",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}
_TITLES: Final = {
    "not_found": "There is no such thing",
    "unauthenticated": "Not signed in",
    "scope_missing": "A right is missing",
    "stale_version": "The object changed in between",
    "if_match_required": "If-Match is required",
    "invalid": "Not acceptable",
    "overloaded": "Try again later",
    "owner_unavailable": "Try again later",
    "already_resolved": "Already resolved",
    "internal": "An error of ours",
    "malformed_json": "Not JSON",
    "method_not_allowed": "Wrong method",
    "cursor_mismatch": "This cursor belongs to another list",
    "csrf": "The form is not ours",
    "body_too_large": "Too large",
    "key_taken": "The name is taken",
    "idempotency_mismatch": "This Idempotency-Key belongs to another request",
    "secret_already_shown": "The secret was shown once",
    "unsupported_media_type": "Wrong media type",
    "rate_limited": "Too many requests",
}


def status_of(error: KizashiError) -> int:
    """The status code that says what the failure demands."""
    by_reason = _BY_REASON.get(error.reason)
    if by_reason is not None:
        return by_reason
    return next((status for kind, status in _BY_KIND if isinstance(error, kind)), 500)


def problem(error: KizashiError, *, request_id: str, instance: str) -> Response:
    """The answer for a failure. Never holds payload, key or trace."""
    status = status_of(error)
    body: dict[str, Any] = {
        "type": f"urn:kizashi:problem:{error.reason}",
        "title": _TITLES.get(error.reason, error.reason.replace("_", " ").capitalize()),
        "status": status,
        "detail": error.detail,
        "instance": instance,
        "code": error.reason,
        "request_id": request_id,
        "errors": [_shown(fault) for fault in error.faults] if isinstance(error, Invalid) else [],
    }
    headers: dict[str, str] = {}
    if isinstance(error, StaleVersion):
        body["current"] = error.current
    if isinstance(error, Busy):
        headers["Retry-After"] = str(max(1, ceil(error.retry_after.total_seconds())))
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="kizashi"'
    return JSONResponse(body, status, headers, media_type=MEDIA_TYPE)


def _shown(fault: Fault) -> dict[str, str]:
    return {"pointer": fault.pointer, "code": fault.code, "detail": fault.detail}


def request_id_of(request: Request) -> str:
    """The id under which this request is logged."""
    return str(request.scope.get("kizashi.request_id", ""))


async def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, KizashiError)
    return problem(error, request_id=request_id_of(request), instance=request.url.path)


async def _framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    reason = _FRAMEWORK.get(error.status_code, "invalid")
    answer = problem(
        Absent(code=reason) if error.status_code == 404 else Invalid(str(error.detail), code=reason),
        request_id=request_id_of(request),
        instance=request.url.path,
    )
    answer.headers.update(headers_of(request, error))
    return answer


def headers_of(request: Request, error: HTTPException) -> Mapping[str, str]:
    """The headers of a router's refusal. For a wrong method it names only those of the first of its routes itself."""
    if error.status_code != 405:
        return error.headers or {}
    allowed = (
        method
        for method in _METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    )
    return {"Allow": ", ".join(allowed)}


async def _unforeseen(request: Request, error: Exception) -> Response:
    get_logger().error("request_failed", request_id=request_id_of(request), route=template(request.scope), error=error)
    return problem(
        KizashiError("Something went wrong on our side."),
        request_id=request_id_of(request),
        instance=request.url.path,
    )


Handler = Callable[[Request, Exception], Awaitable[Response]]

exception_handlers: Final[dict[Any, Handler]] = {
    KizashiError: _known,
    HTTPException: _framework,
    Exception: _unforeseen,
}
"""To be handed to Starlette or FastAPI."""


class RequestIds:
    """ASGI middleware: gives every request an id, and every answer that id in its headers."""

    def __init__(self, app: ASGIApp, new_uuid: NewUuid) -> None:
        self._app = app
        self._new_uuid = new_uuid

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = shown("req", self._new_uuid())
        scope["kizashi.request_id"] = request_id
        scope.setdefault("state", {})["request_id"] = request_id

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                message.setdefault("headers", []).append((REQUEST_ID.encode(), request_id.encode()))
            await send(message)

        await self._app(scope, receive, stamped)
