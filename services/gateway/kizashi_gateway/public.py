"""The one door: every request passes here, whatever it asks for; every answer leaves with the same safeguards.

Source: GATEWAY.md 1 and 6.
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kizashi_common.errors import Invalid
from kizashi_common.http.measured import PREFIX
from kizashi_common.http.problem import problem

MOST_BODY_BYTES: Final = 1024 * 1024
MOST_URL_BYTES: Final = 8 * 1024

API_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
CONSOLE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_PERMISSIONS: Final = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)
_SAFE: Final = frozenset({"GET", "HEAD"})
_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": _PERMISSIONS,
}


class Front:
    """Sends `/v1` to the REST application and the rest to the console, within limits, with the headers of section 6."""

    def __init__(self, rest: ASGIApp, console: ASGIApp, *, is_secure: bool) -> None:
        self._rest = rest
        self._console = console
        self._is_secure = is_secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._console(scope, receive, send)
            return
        is_api = scope["path"] == "/v1" or scope["path"].startswith("/v1/")
        if is_api:
            scope[PREFIX] = "/v1"

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._stamp(MutableHeaders(scope=message), is_api)
            await send(message)

        app = self._rest if is_api else self._console
        if scope["method"] in _SAFE:
            await (_refusal(scope, b"", is_api) or app)(scope, receive, guarded)
            return
        try:
            body = await _body(receive)
        except _Gone:
            return
        await (_refusal(scope, body, is_api) or app)(scope, _replay(body, receive), guarded)

    def _stamp(self, headers: MutableHeaders, is_api: bool) -> None:
        for name, value in _ALWAYS.items():
            headers[name] = value
        headers["Content-Security-Policy"] = API_POLICY if is_api else CONSOLE_POLICY
        headers.setdefault("Cache-Control", "no-store")
        if self._is_secure:
            headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"


class _Gone(Exception):
    """The client left before its body was here: what came of it must not be taken for the whole."""


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or None when it is larger than we take: nothing here needs one that cannot be held."""
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        size += len(message.get("body", b""))
        if size > MOST_BODY_BYTES:
            return None
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _media_type(scope: Scope) -> str:
    return Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()


def _replay(body: bytes | None, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body or b"", "more_body": False}]

    async def replayed() -> Message:
        return pending.pop() if pending else await receive()

    return replayed


def _refusal(scope: Scope, body: bytes | None, is_api: bool) -> Response | None:
    """The problem with a request that no application need see."""
    error: Invalid | None = None
    if len(scope.get("raw_path", b"")) + len(scope["query_string"]) > MOST_URL_BYTES:
        error = Invalid("The address is too long.", code="body_too_large")
    elif body is None:
        error = Invalid(f"A body is at most {MOST_BODY_BYTES} bytes.", code="body_too_large")
    elif is_api and body and _media_type(scope) != "application/json":
        error = Invalid("The body must be application/json.", code="unsupported_media_type")
    if error is None:
        return None
    return problem(error, request_id=str(scope.get("kizashi.request_id", "")), instance=scope["path"])
