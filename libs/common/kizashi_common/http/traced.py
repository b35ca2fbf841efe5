"""Every request is a SERVER span, and whatever is logged while it is worked on names it.

At a public door the caller's trace goes on under its own id, but a stranger's wish to have it recorded is granted
within an allowance only: recording costs the operator. Our own services are believed.

Source: OPERATIONS.md 8; decision 0043.
"""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kizashi_common.http.measured import EXEMPLAR, METHODS, OTHER, template
from kizashi_common.telemetry.logging import Within, within
from kizashi_common.telemetry.spans import Attribute
from kizashi_common.telemetry.tracing import exemplar, serving

_TRACEPARENT: Final = b"traceparent"
_FAILED: Final = 500


class Traced:
    """ASGI middleware inside `RequestIds`, whose id is the trace's own where nobody gave one."""

    def __init__(self, app: ASGIApp, service: str, *, is_public: bool) -> None:
        self._app = app
        self._service = service
        self._is_public = is_public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = str(scope["kizashi.request_id"])
        method = scope["method"] if scope["method"] in METHODS else OTHER
        header = next((value.decode("latin-1") for name, value in scope["headers"] if name == _TRACEPARENT), None)
        token = within.set(Within(self._service, request_id))
        try:
            with serving(self._service, method, header, _number(request_id), is_public=self._is_public) as span:
                scope[EXEMPLAR] = exemplar()
                if not span.is_recording():
                    await self._app(scope, receive, send)
                    return

                async def watched(message: Message) -> None:
                    if message["type"] == "http.response.start":
                        span.set_attribute(Attribute.STATUS, message["status"])
                        if message["status"] >= _FAILED:
                            span.set_attribute(Attribute.ERROR, str(message["status"]))
                    await send(message)

                span.set_attribute(Attribute.METHOD, method)
                await self._app(scope, receive, watched)
                span.set_attribute(Attribute.ROUTE, template(scope))
                span.update_name(f"{method} {template(scope)}")
        finally:
            within.reset(token)


def _number(request_id: str) -> int:
    """The 128 bits of a request's id, `req_` and 32 hex digits."""
    return int(request_id.partition("_")[2], 16)
