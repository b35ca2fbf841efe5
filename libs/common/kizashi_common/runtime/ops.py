"""The operations port: probes and metrics. Never public, and never a reason to restart for somebody else's fault.

It opens before anything else, so that a process that waits for its schema, its database or its broker can say so.
`startupz` tells whether the start is over, `livez` whether the loops turn, `readyz` whether requests are taken now.

Source: OPERATIONS.md 0 and 4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import REGISTRY
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kizashi_common.runtime.service import Service
from kizashi_common.telemetry import metrics

_BEGINNING: Final = "the start has begun"
Question = Callable[[Service], str | None]


class Build(NamedTuple):
    """Which code runs."""

    version: str
    commit: str = "unknown"


class Ops:
    """The state that probes ask for. `names` are the services that this process is going to run."""

    def __init__(self, names: Sequence[str], build: Build) -> None:
        self._names = tuple(names)
        self._build = build
        self._services: tuple[Service, ...] = ()
        self._waits_for: str | None = _BEGINNING
        self.started = False
        self.draining = False
        self._identify()
        self._observe()

    def app(self) -> Starlette:
        """The ASGI application of the operations port."""
        return Starlette(
            routes=[
                Route("/startupz", self._startup),
                Route("/livez", self._live),
                Route("/readyz", self._ready),
                Route("/metrics", self._metrics),
                Route("/buildz", self._buildz),
            ]
        )

    # -- what the process tells

    def waits_for(self, what: str) -> bool:
        """The start cannot go on before this is there. Answers whether that is news."""
        is_news, self._waits_for = what != self._waits_for, what
        return is_news

    def has_schema(self, *, suffices: bool) -> None:
        """Whether the schema is at least at the revision that this code needs."""
        for name in self._names:
            metrics.schema_ok.labels(name).set(int(suffices))

    def composed(self, services: Sequence[Service]) -> None:
        """The services exist; from now on they answer for themselves."""
        self._services = tuple(services)
        self._waits_for = None
        self._identify()

    # -- what is asked

    def missing(self) -> dict[str, str]:
        """What keeps each service from its work, empty when all have what they need."""
        return self._asked(lambda service: service.ready())

    def _asked(self, question: Question) -> dict[str, str]:
        found = {service.name: question(service) for service in self._services}
        return {name: why for name, why in found.items() if why is not None}

    def _refusing(self) -> dict[str, str]:
        """Why each service takes no requests now, empty when all do."""
        if self.draining:
            return dict.fromkeys(self._names, "stopping")
        if not self.started:
            return dict.fromkeys(self._names, "starting")
        return self._asked(lambda service: service.serves())

    async def _startup(self, _: Request) -> Response:
        if self.started:
            return JSONResponse({"started": True})
        why = self._waits_for or "; ".join(f"{name}: {reason}" for name, reason in self.missing().items())
        return JSONResponse({"started": False, "waits_for": why or "the doors"}, 503)

    async def _live(self, _: Request) -> Response:
        held_up = self._asked(lambda service: service.alive())
        return JSONResponse({"live": not held_up, "held_up": held_up}, 503 if held_up else 200)

    async def _ready(self, _: Request) -> Response:
        refusing = self._refusing()
        # What is missing says more than "starting", and is worth knowing of one that takes requests as well.
        said = {"ready": not refusing, "draining": self.draining, "refusing": refusing, "missing": self.missing()}
        return JSONResponse(said, 503 if refusing else 200)

    async def _metrics(self, _: Request) -> Response:
        self._observe()
        exposition: bytes = generate_latest(REGISTRY)  # type: ignore[no-untyped-call]
        return Response(exposition, media_type=CONTENT_TYPE_LATEST)

    async def _buildz(self, _: Request) -> Response:
        return JSONResponse({**self._build._asdict(), "services": list(self._names)})

    # -- what is measured

    def _observe(self) -> None:
        """At each scrape, since nobody else may be asking."""
        refusing = self._refusing()
        for name in self._names:
            metrics.ready.labels(name).set(int(name not in refusing))

    def _identify(self) -> None:
        """One series for each service, with the commit that only the process knows."""
        metrics.build_info.clear()
        for name in self._names:
            metrics.build_info.labels(name, *self._build).set(1)
