"""The two doors the canary uses: ingest as an SDK does, the gateway as a customer's program does; nothing else.

Source: OPERATIONS.md 5.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import httpx2

from kizashi_cli.canary.metrics import Reason, sent_total
from kizashi_cli.canary.plan import SIGNAL
from kizashi_cli.canary.settings import CanarySettings
from kizashi_common.errors import KizashiError

_TIMEOUT: Final = httpx2.Timeout(10.0, connect=3.0)
_NOT_NOW: Final = frozenset((HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS))


class Failed(KizashiError):
    """A round did not succeed; `counted_as` is its reason, `is_final` that asking again will not help."""

    code = "canary_failed"

    def __init__(self, counted_as: Reason, detail: str, *, is_final: bool = False) -> None:
        super().__init__(detail)
        self.counted_as = counted_as
        self.is_final = is_final


@dataclass(frozen=True)
class Doors:
    """Clients that carry the canary's keys."""

    ingest: httpx2.AsyncClient
    gateway: httpx2.AsyncClient

    async def send_events(self, events: Sequence[Mapping[str, object]]) -> None:
        """Sends events; all are accepted. Raises: Failed."""
        await self._send("/v1/events", {"events": events}, len(events))

    async def send_facts(self, accounts: Sequence[Mapping[str, object]]) -> None:
        """Sends what is known of accounts; all of it is accepted. Raises: Failed."""
        await self._send("/v1/facts", {"accounts": accounts}, len(accounts))

    async def counted(self, account: str) -> int:
        """How many events of the account are counted; 0 before there is such an account. Raises: Failed."""
        answer = await _asked(self.gateway, "GET", f"/v1/accounts/ext:{account}/signals")
        if answer is None:
            return 0
        value = answer.get("signals", {}).get(SIGNAL)
        if not isinstance(value, float | int):
            raise Failed("wrong", f"the signals of {account} hold no {SIGNAL}")
        return int(value)

    async def open_alerts(self, account: str) -> list[Mapping[str, Any]]:
        """The alerts of the account that are open now. Raises: Failed."""
        answer = await _asked(self.gateway, "GET", "/v1/alerts", params={"account": f"ext:{account}", "state": "open"})
        return [] if answer is None else list(answer.get("results", ()))

    async def _send(self, path: str, body: Mapping[str, object], count: int) -> None:
        sent_total.inc(count)
        answer = await _asked(self.ingest, "POST", path, json=body)
        if answer is None or answer.get("accepted") != count:
            raise Failed("refused", f"{path} took not all of {count}", is_final=True)


@asynccontextmanager
async def opened(settings: CanarySettings) -> AsyncIterator[Doors]:
    """Both doors, closed when the block ends."""
    ingest = _client(settings.canary_ingest_url, settings.canary_server_key.get_secret_value())
    gateway = _client(settings.canary_gateway_url, settings.canary_api_key.get_secret_value())
    async with ingest, gateway:
        yield Doors(ingest, gateway)


def _client(base: str, key: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=base, headers={"authorization": f"Bearer {key}"}, timeout=_TIMEOUT)


async def _asked(client: httpx2.AsyncClient, method: str, path: str, **how: Any) -> dict[str, Any] | None:
    """The JSON of a success; None when there is no such thing. Raises: Failed."""
    try:
        answer = await client.request(method, path, **how)
    except httpx2.TimeoutException as error:
        raise Failed("timeout", f"{method} {path}: no answer within the limit") from error
    except (httpx2.HTTPError, OSError) as error:
        raise Failed("refused", f"{method} {path}: {type(error).__name__}") from error
    if answer.status_code == HTTPStatus.NOT_FOUND and method == "GET":
        return None
    if not answer.is_success:
        is_final = answer.is_client_error and answer.status_code not in _NOT_NOW
        raise Failed("refused", f"{method} {path}: answered {answer.status_code}", is_final=is_final)
    try:
        read = answer.json()
    except ValueError as error:
        raise Failed("wrong", f"{method} {path}: the answer is not JSON") from error
    if not isinstance(read, dict):
        raise Failed("wrong", f"{method} {path}: the answer is no object")
    return read
