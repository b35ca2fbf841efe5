"""The door to the world: routes by path alone, reads within limits, and never redirects.

Every answer, good or bad, has the CORS headers: without them a browser sees a network fault, and tries for ever.

Source: INGEST.md 2, 6, 7 and 8.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from kizashi_common.contracts.ids import NewUuid
from kizashi_common.errors import Absent, Busy, Denied, Invalid, KizashiError
from kizashi_common.http.measured import Measured, Objective
from kizashi_common.http.problem import RequestIds
from kizashi_common.http.traced import Traced
from kizashi_common.telemetry.logging import get_logger
from kizashi_ingest import metrics
from kizashi_ingest.application.accept import Arrival
from kizashi_ingest.domain import availability
from kizashi_ingest.domain.answers import STATUS, Refusal, Reply, refused
from kizashi_ingest.domain.dialect import Route
from kizashi_ingest.domain.dialects import ROUTES

_SLASHES: Final = re.compile(r"/{2,}")
_ENCODED_SLASH: Final = re.compile(rb"%2f", re.IGNORECASE)
_ALLOW: Final = ("allow", "POST, OPTIONS")
_EXPOSED: Final = ("access-control-expose-headers", "Retry-After, Kizashi-Request-Id")
_VARY: Final = ("vary", "Origin")
_MOST_FIELDS: Final = 100
_HEADER_LENGTH: Final = 2_000
_JITTER_S: Final = 26
_log = get_logger("ingest")

Read = Callable[[Callable[[int], None]], Awaitable[bytes]]
Take = Callable[[Arrival], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Patience:
    """How much of a body is read, and how long the next piece of it may take."""

    wire_bytes: int
    next_piece: timedelta


class _Gone(Exception):
    """The client left before its body was here: there is nobody to answer."""


def public(take: Take, patience: Patience, chance: Callable[[int], bytes], new_uuid: NewUuid) -> ASGIApp:
    """The application behind the public address."""
    objective = Objective(availability.SLO, availability.is_good)
    door = Traced(Door(take, patience, chance), metrics.SERVICE, is_public=True)
    return Measured(RequestIds(door, new_uuid), metrics.SERVICE, objective=objective)


class Door:
    """Finds the route of a path, hands the request on, and sends the answer."""

    def __init__(self, take: Take, patience: Patience, chance: Callable[[int], bytes]) -> None:
        self._take = take
        self._patience = patience
        self._chance = chance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = _headers(scope)
        try:
            reply = await self._answered(scope, headers, receive)
        except _Gone:
            return
        await _sent(reply, headers.get("origin"), send)

    async def _answered(self, scope: Scope, headers: Mapping[str, str], receive: Receive) -> Reply:
        request_id = str(scope.get("kizashi.request_id", ""))
        route = _route(scope)
        try:
            if route is None:
                raise Absent("There is nothing at this address.")
            scope["route"] = route
            if scope["method"] == "OPTIONS":
                return _preflight(headers)
            _check(scope, headers, route)
            query = _query(scope)
            return await self._take(Arrival(route, headers, query, request_id, self._reader(headers, receive)))
        except KizashiError as error:
            return self._refused(error, route, request_id)
        except _Gone:
            raise
        except Exception as error:
            _log.error("request_failed", request_id=request_id, error=error)
            return refused(Refusal("internal", "Something went wrong on our side."), request_id)

    def _refused(self, error: KizashiError, route: Route | None, request_id: str) -> Reply:
        code = error.reason if error.reason in STATUS and isinstance(error, Invalid | Denied | Busy | Absent) else ""
        if not code:
            _log.error("request_failed", request_id=request_id, error=error)
            code = "internal"
        if route is not None:
            metrics.refused_requests_total.labels(route.dialect, code).inc()
        return refused(
            Refusal(
                code,
                error.detail,
                error.faults if isinstance(error, Invalid) else (),
                # Spread, or all who were turned away come back in the same second.
                5 + self._chance(1)[0] % _JITTER_S if isinstance(error, Busy) else None,
                (_ALLOW,) if code == "method_not_allowed" else (),
            ),
            request_id,
        )

    def _reader(
        self, headers: Mapping[str, str], receive: Receive
    ) -> Callable[[Callable[[int], None]], Awaitable[bytes]]:
        async def read(growing: Callable[[int], None]) -> bytes:
            length = headers.get("content-length", "")
            if length.isascii() and length.isdigit() and int(length[:18]) > self._patience.wire_bytes:
                raise self._too_large()
            pieces: list[bytes] = []
            size, more = 0, True
            while more:
                piece, more = await self._piece(receive)
                size += len(piece)
                if size > self._patience.wire_bytes:
                    raise self._too_large()
                growing(len(piece))
                pieces.append(piece)
            return b"".join(pieces)

        return read

    async def _piece(self, receive: Receive) -> tuple[bytes, bool]:
        try:
            async with asyncio.timeout(self._patience.next_piece.total_seconds()):
                message = await receive()
        except TimeoutError as error:
            raise Invalid("The body did not arrive.", code="slow_body") from error
        if message["type"] == "http.disconnect":
            raise _Gone
        return message.get("body", b""), message.get("more_body", False)

    def _too_large(self) -> Invalid:
        return Invalid(f"A body has at most {self._patience.wire_bytes} bytes.", code="body_too_large")


def _headers(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return found


def _route(scope: Scope) -> Route | None:
    if _ENCODED_SLASH.search(scope.get("raw_path") or b""):
        return None
    path = _SLASHES.sub("/", scope["path"])
    return ROUTES.get(path.rstrip("/"))


def _query(scope: Scope) -> dict[str, str]:
    try:
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        return {}
    return dict(reversed(pairs))


def _check(scope: Scope, headers: Mapping[str, str], route: Route) -> None:
    if scope["method"] != "POST":
        raise Invalid("This address takes POST.", code="method_not_allowed")
    is_cloudevent = headers.get("content-type", "").lower().startswith("application/cloudevents")
    if route.path == "/v1/events" and (is_cloudevent or "ce-specversion" in headers):
        raise Invalid("CloudEvents are not taken here.", code="unsupported_format")


def _preflight(headers: Mapping[str, str]) -> Reply:
    asked = headers.get("access-control-request-headers", "")[:_HEADER_LENGTH]
    granted = [("access-control-allow-methods", "GET, POST, OPTIONS"), ("access-control-max-age", "7200")]
    if asked:
        granted.append(("access-control-allow-headers", asked))
    return Reply(204, b"", "", tuple(granted))


async def _sent(reply: Reply, origin: str | None, send: Send) -> None:
    headers = [*reply.headers, _VARY, _EXPOSED]
    if origin is not None:
        headers.append(("access-control-allow-origin", origin))
    if reply.status != 204:
        headers += [("content-type", reply.media_type), ("content-length", str(len(reply.body)))]
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    await send({"type": "http.response.body", "body": reply.body})
