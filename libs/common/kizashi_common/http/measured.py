"""What every HTTP door counts: finished requests, how long they took, how many are being worked on, and objectives.

The label `route` is the template that the router found, never the path: paths hold ids. Whether an answer was a good
one for an objective is judged by the service itself, at the moment it is given; nobody has to guess it from codes and
buckets later.

Source: OPERATIONS.md 5, "every service", and 6.1.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Final, NamedTuple

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kizashi_common.telemetry import metrics

UNMATCHED: Final = "unmatched"
"""The route of a request that no router knows."""
METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
OTHER: Final = "other"
PREFIX: Final = "kizashi.prefix"
"""Where a door that hands a part of its paths to a router of its own says in the scope which part that is."""
EXEMPLAR: Final = "kizashi.exemplar"
"""Where a request's scope keeps the tag for what is measured of it."""
_BROKEN: Final = 500

Judge = Callable[[str, str, int, float], bool | None]
"""Whether an answer is good for an objective; None when it is not judged.

Shape: route, method, code. Units: seconds to the last byte of the answer, without those in which the client's body was
awaited: a slow sender is no slow answer.
"""


class Objective(NamedTuple):
    """An objective that a door's answers count for. `slo` is one of `metrics.SLOS`."""

    slo: str
    judge: Judge


def template(scope: Scope) -> str:
    """The template of the route that was found: what a router left under `route` has it as its `path`.

    A router that was included under a prefix may leave it out of its paths.
    """
    path = str(getattr(scope.get("route"), "path", UNMATCHED))
    prefix = str(scope.get(PREFIX, ""))
    return path if path == UNMATCHED or path.startswith(prefix) else prefix + path


class Measured:
    """ASGI middleware around a whole door.

    `now` is a monotonic clock in seconds. A request whose client left before anything was answered did not finish and
    is not counted; one that ended in an exception counts as 500.
    """

    def __init__(
        self,
        app: ASGIApp,
        service: str,
        *,
        objective: Objective | None = None,
        now: Callable[[], float] = perf_counter,
    ) -> None:
        self._app = app
        self._service = service
        self._objective = objective
        self._now = now
        self._in_flight = metrics.http_requests_in_flight.labels(service)
        # Looking labels up costs as much as the rest together, and their values are few: templates, methods, codes.
        self._totals: dict[tuple[str, str, int], Counter] = {}
        self._seconds: dict[str, Histogram] = {}
        self._units: dict[bool, Counter] = {}
        if objective is not None:
            outcomes = {True: "good", False: "bad"}
            self._units = {good: metrics.sli_total.labels(objective.slo, name) for good, name in outcomes.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(receive, send, self._now)
        self._in_flight.inc()
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except BaseException:
            if exchange.ended is None:
                exchange.code = _BROKEN
            raise
        finally:
            self._in_flight.dec()
            if exchange.code is not None:
                self._count(scope, exchange, exchange.code)

    def _count(self, scope: Scope, exchange: _Exchange, code: int) -> None:
        route = template(scope)
        method = scope["method"] if scope["method"] in METHODS else OTHER
        ended = self._now() if exchange.ended is None else exchange.ended
        self._total(route, method, code).inc()
        self._duration(route).observe(ended - exchange.began, scope.get(EXEMPLAR))
        if self._objective is not None:
            good = self._objective.judge(route, method, code, ended - exchange.began - exchange.awaited)
            if good is not None:
                self._units[good].inc()

    def _total(self, route: str, method: str, code: int) -> Counter:
        key = (route, method, code)
        found = self._totals.get(key)
        if found is None:
            found = self._totals[key] = metrics.http_requests_total.labels(self._service, route, method, str(code))
        return found

    def _duration(self, route: str) -> Histogram:
        found = self._seconds.get(route)
        if found is None:
            found = self._seconds[route] = metrics.http_request_duration_seconds.labels(self._service, route)
        return found


class _Exchange:
    """One request and its answer as they pass. `awaited` are the seconds spent waiting for the client's body."""

    __slots__ = ("_now", "_receive", "_send", "awaited", "began", "code", "ended")

    def __init__(self, receive: Receive, send: Send, now: Callable[[], float]) -> None:
        self._receive = receive
        self._send = send
        self._now = now
        self.began = now()
        self.awaited = 0.0
        self.code: int | None = None
        self.ended: float | None = None

    async def receive(self) -> Message:
        before = self._now()
        message = await self._receive()
        if self.code is None:
            self.awaited += self._now() - before
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.code = message["status"]
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.ended = self._now()
