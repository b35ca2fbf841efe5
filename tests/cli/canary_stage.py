"""A stand-in for the product behind the canary's two doors, and a time that passes only while somebody waits.

It counts ids once, opens the alert of a customer that fell silent, and does each thing wrong when told to.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from kizashi_cli.canary import metrics
from kizashi_cli.canary.doors import Doors
from kizashi_cli.canary.legs import Time
from kizashi_cli.canary.plan import RULE, SIGNAL
from tests.twins.clock import SetClock

WEDNESDAY = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


class PassingTime(SetClock):
    """Moves on by as much as is waited for."""

    async def wait(self, span: timedelta) -> None:
        self.advance(span)

    def time(self) -> Time:
        return Time(self, self.wait)


@dataclass
class Product:
    """`delay`: how long what was sent needs to become visible. The faults are switched on by name."""

    clock: SetClock
    delay: timedelta = timedelta(seconds=1)
    faults: set[str] = field(default_factory=set)
    events: dict[str, dict[str, datetime]] = field(default_factory=dict)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    statuses: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)
    extra: int = 0
    stranger: bool = False

    def doors(self) -> Doors:
        ingest = httpx2.AsyncClient(base_url="http://ingest", transport=httpx2.MockTransport(self._ingest))
        gateway = httpx2.AsyncClient(base_url="http://gateway", transport=httpx2.MockTransport(self._gateway))
        return Doors(ingest, gateway)

    def _ingest(self, request: httpx2.Request) -> httpx2.Response:
        if "no ingest" in self.faults:
            raise httpx2.ConnectError("refused")
        if "bad key" in self.faults:
            return httpx2.Response(401, json={"code": "invalid_key"})
        body = json.loads(request.content)
        items = body.get("events", body.get("accounts"))
        for item in items:
            self._take(item)
        self.bodies += items
        if "lost answer" in self.faults:
            raise httpx2.ReadTimeout("no answer")
        accepted = 0 if "quarantine" in self.faults else len(items)
        return httpx2.Response(200, json={"accepted": accepted, "quarantined": len(items) - accepted})

    def _take(self, item: dict[str, Any]) -> None:
        if "facts" in item:
            history = self.statuses.setdefault(item["id"], [])
            history.append((self.clock() + self.delay, item["facts"]["status"]))
        else:
            self.events.setdefault(item["account"], {}).setdefault(item["id"], self.clock() + self.delay)

    def _gateway(self, request: httpx2.Request) -> httpx2.Response:
        if "no gateway" in self.faults:
            return httpx2.Response(503)
        if "not JSON" in self.faults:
            return httpx2.Response(200, content=b"<html>")
        if request.url.path == "/v1/alerts":
            return self._alerts(request.url.params["account"].removeprefix("ext:"))
        return self._signals(request.url.path.split("/")[3].removeprefix("ext:"))

    def _signals(self, account: str) -> httpx2.Response:
        counted = sum(at <= self.clock() for at in self.events.get(account, {}).values())
        if not counted:
            return httpx2.Response(404)
        stuck = "stuck" in self.faults
        return httpx2.Response(200, json={"signals": {SIGNAL: float(0 if stuck else counted + self.extra)}})

    def _alerts(self, account: str) -> httpx2.Response:
        known = [status for at, status in self.statuses.get(account, []) if at <= self.clock()]
        silent = any(at <= self.clock() for at in self.events.get(account, {}).values())
        is_open = silent and known[-1:] == ["live"] and "stuck" not in self.faults
        about = "somebody-else" if self.stranger else account
        alerts = [{"rule": RULE, "account": {"external_id": about}}] if is_open else []
        return httpx2.Response(200, json={"results": alerts})


def failures(leg: metrics.Leg) -> dict[str, float]:
    """The failures of a leg by reason, those that there were."""
    counted = {reason: metrics.failures_total.labels(leg, reason)._value.get() for reason in metrics.REASONS}
    return {reason: value for reason, value in counted.items() if value}


def last_success(leg: metrics.Leg) -> float:
    """When the leg last succeeded, in seconds since 1970."""
    value: float = metrics.last_success_timestamp_seconds.labels(leg)._value.get()
    return value
