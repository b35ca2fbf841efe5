"""The operations port: probes and metrics. Never public, and never a reason to restart for somebody else's fault.

`livez` asks only whether the loop turns; `readyz` whether the services can do their work now.

Source: OPERATIONS.md 0 and 4.
"""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import REGISTRY
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kizashi_common.runtime.service import Service
from kizashi_common.telemetry import metrics


class Ops:
    """The state that probes ask for."""

    def __init__(self, services: Sequence[Service], version: str) -> None:
        self._services = services
        self._version = version
        self.started = False
        self.draining = False

    def app(self) -> Starlette:
        """The ASGI application of the operations port."""
        return Starlette(
            routes=[
                Route("/startupz", self._startup),
                Route("/livez", self._live),
                Route("/readyz", self._ready),
                Route("/metrics", self._metrics),
                Route("/buildz", self._build),
            ]
        )

    def missing(self) -> dict[str, str]:
        """What keeps each service from its work, empty when all are ready."""
        found = {service.name: service.ready() for service in self._services}
        return {name: why for name, why in found.items() if why is not None}

    async def _startup(self, _: Request) -> Response:
        return JSONResponse({"started": self.started}, 200 if self.started else 503)

    async def _live(self, _: Request) -> Response:
        return JSONResponse({"live": True})

    async def _ready(self, _: Request) -> Response:
        missing = self.missing()
        for service in self._services:
            metrics.ready.labels(service.name).set(0 if service.name in missing else 1)
        ready = self.started and not self.draining and not missing
        return JSONResponse({"ready": ready, "draining": self.draining, "missing": missing}, 200 if ready else 503)

    async def _metrics(self, _: Request) -> Response:
        exposition: bytes = generate_latest(REGISTRY)  # type: ignore[no-untyped-call]
        return Response(exposition, media_type=CONTENT_TYPE_LATEST)

    async def _build(self, _: Request) -> Response:
        return JSONResponse({"version": self._version, "services": [service.name for service in self._services]})
