"""Services asking each other: who calls, for which workspace, on whose behalf.

One shared token proves that the caller is one of us; workspace and actor are the gateway's finding from the caller's
credential, and the owner trusts them as far as the token. Commands cross HTTP even inside one process (decision 22).

Source: ARCHITECTURE.md 2; OPERATIONS.md 0.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import timedelta
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

import httpx2
from starlette.requests import Request

from kizashi_common.errors import Busy, Denied
from kizashi_common.telemetry.tracing import traceparent

CALLER: Final = "kizashi-caller"
WORKSPACE: Final = "kizashi-workspace"
ACTOR: Final = "kizashi-actor"
PATIENCE: Final = timedelta(seconds=5)
"""How long a caller waits for an owner that only reads and writes a few rows."""
PATIENCE_TO_COMPUTE: Final = timedelta(seconds=25)
"""How long for one that computes: calibrations of a whole workspace may be made for the answer."""
PATIENCE_FOR_A_PAST: Final = timedelta(minutes=10)
"""How long for a past that is written or judged day by day, for every account."""
_CONNECT: Final = 2.0
_AGAIN: Final = timedelta(seconds=5)


class Caller(NamedTuple):
    """Which service calls, for which workspace, and for whom: a member, a key, or the system."""

    service: str
    workspace: str
    actor: str


class InternalAnswer(NamedTuple):
    """What the owner said, unread."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Gate:
    """Lets only our own services in."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    def caller(self, request: Request) -> Caller:
        """The caller of a request. Raises: Denied without the right token."""
        scheme, _, shown_token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(shown_token.encode(), self._token):
            raise Denied("Only services of this installation may call here.")
        headers = request.headers
        return Caller(
            headers.get(CALLER, "unknown"), unquote(headers.get(WORKSPACE, "")), unquote(headers.get(ACTOR, "system"))
        )


class InternalClient:
    """Calls one owner."""

    def __init__(self, base_url: str, token: str, service: str, patience: timedelta = PATIENCE_TO_COMPUTE) -> None:
        self._service = service
        self._http = httpx2.AsyncClient(
            base_url=base_url,
            timeout=httpx2.Timeout(patience.total_seconds(), connect=_CONNECT),
            trust_env=False,
            follow_redirects=False,
            headers={"authorization": f"Bearer {token}", CALLER: service},
        )

    async def call(
        self,
        method: str,
        path: str,
        caller: tuple[str, str],
        *,
        body: bytes | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> InternalAnswer:
        """The owner's answer, whatever its status. `caller` is (workspace, actor).

        Raises: Busy, code owner_unavailable, when the owner cannot be reached or failed: nothing is known to be done.
        """
        sent = {WORKSPACE: quote(caller[0]), ACTOR: quote(caller[1]), **(headers or {})}
        trace = traceparent()
        if trace is not None:
            sent["traceparent"] = trace
        if body is not None:
            sent.setdefault("content-type", "application/json")
        try:
            answer = await self._http.request(method, path, content=body, params=query, headers=sent)
        except httpx2.HTTPError as error:
            raise Busy(
                "The service that owns this cannot be reached.", retry_after=_AGAIN, code="owner_unavailable"
            ) from error
        if answer.status_code >= 500:
            raise Busy("The service that owns this failed.", retry_after=_AGAIN, code="owner_unavailable")
        return InternalAnswer(answer.status_code, answer.headers, answer.content)

    async def aclose(self) -> None:
        """Closes its connections."""
        await self._http.aclose()
