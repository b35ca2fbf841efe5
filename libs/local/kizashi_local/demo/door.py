"""The vendor's way into ingest: batches of events and facts over HTTP, sent again for as long as ingest asks for time.

Source: INGEST.md 2, 3.2 and 7.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final

import httpx2
import msgspec

from kizashi_common.errors import Busy, Denied, Rejected

EVENTS_PATH: Final = "/v1/events"
FACTS_PATH: Final = "/v1/facts"

_TRIES: Final = 30
_SOON_S: Final = 1.0
_TIMEOUT: Final = httpx2.Timeout(60.0, connect=5.0)
_AGAIN: Final = frozenset((429, 503))
_UNAUTHORIZED: Final = 401
_OK: Final = 200


class Door:
    """Ingest, as one key sees it. `transport` stands for the network where it is given."""

    def __init__(self, ingest_url: str, server_key: str, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._http = httpx2.AsyncClient(
            base_url=ingest_url,
            timeout=_TIMEOUT,
            trust_env=False,
            headers={"authorization": f"Bearer {server_key}", "content-type": "application/json"},
            transport=transport,
        )

    async def __aenter__(self) -> Door:
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self._http.aclose()

    async def events(self, batch: Sequence[Mapping[str, Any]]) -> None:
        """Returns when ingest has every event of the batch in its log.

        Raises: Denied for the key, Rejected when ingest refuses an event, Busy when it stays away.
        """
        await self._send(EVENTS_PATH, "events", batch)

    async def facts(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Returns when ingest has every fact in its log. Raises: like `events`."""
        await self._send(FACTS_PATH, "accounts", items)

    async def _send(self, path: str, member: str, items: Sequence[Mapping[str, Any]]) -> None:
        body = msgspec.json.encode({member: items})
        for _ in range(_TRIES):
            answer = await self._post(path, body)
            if answer is not None and answer.status_code not in _AGAIN:
                _require_all(answer)
                return
            await asyncio.sleep(_wait_s(answer))
        raise Busy("Ingest does not take the demo's events.", code="ingest_unavailable")

    async def _post(self, path: str, body: bytes) -> httpx2.Response | None:
        """The answer; None when there was none. Ids make a second sending harmless."""
        try:
            return await self._http.post(path, content=body)
        except httpx2.TransportError:
            return None


def _wait_s(answer: httpx2.Response | None) -> float:
    asked = "" if answer is None else answer.headers.get("retry-after", "")
    return float(asked) if asked.isdecimal() else _SOON_S


def _require_all(answer: httpx2.Response) -> None:
    if answer.status_code == _UNAUTHORIZED:
        raise Denied("Ingest does not know the demo's server key.")
    if answer.status_code != _OK:
        raise Rejected(f"Ingest answered the demo with {answer.status_code}: {answer.text[:300]}")
    said = msgspec.json.decode(answer.content)
    if said["quarantined"]:
        refused = next(result for result in said["results"] if result["status"] == "quarantined")
        raise Rejected(f"Ingest refused {said['quarantined']} items of the demo, the first as {refused['code']}.")
