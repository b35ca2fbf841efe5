"""Health and alerts as a small real application on loopback: it answers the contract, and remembers the questions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kizashi_common.errors import Absent, StaleVersion
from kizashi_common.http.etag import required_version
from kizashi_common.http.internal import Caller, Gate
from kizashi_common.http.problem import exception_handlers
from tests.gateway.seeding import PULSE

TOKEN = "a token that only tests share"
CALIBRATION = {
    "id": 41,
    "as_of": "2026-11-23",
    "basis": "inactivity",
    "prior_pace": 0.31,
    "base_rate": 0.03,
    "intercept": -1.2,
    "slope": 1.0,
    "typical": {"silence": 0.4, "overdue": 0.1, "pace": -1.8, "fading": 0.0, "youth": -0.9},
    "accounts": 200,
    "outcomes": 0,
}
ENDPOINT = {
    "id": "whe_0192f0c1d2e37abc8def0123456789ab",
    "version": 1,
    "url": "http://127.0.0.1:9/hook",
    "events": ["alert.opened"],
    "description": "",
    "enabled": True,
    "created_at": "2026-11-24T09:00:00Z",
}


@dataclass(frozen=True)
class Asked:
    """A request that reached an owner."""

    method: str
    path: str
    caller: Caller
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Owners:
    """The two owners. `version` is the version of every alert and of the settings; `status` makes them fail."""

    url: str = ""
    version: int = 1
    status: int = 200
    asked: list[Asked] = field(default_factory=list)

    def app(self) -> Starlette:
        gate = Gate(TOKEN)

        async def answer(request: Request) -> Response:
            asked = Asked(
                request.method,
                request.url.path,
                gate.caller(request),
                dict(request.query_params),
                dict(request.headers),
                await request.body(),
            )
            self.asked.append(asked)
            if self.status != 200:
                return Response(status_code=self.status)
            return self._answer(asked)

        return Starlette(
            routes=[Route("/{path:path}", answer, methods=["GET", "POST", "PUT", "DELETE"])],
            exception_handlers=exception_handlers,
        )

    def _answer(self, asked: Asked) -> Response:
        parts = asked.path.removeprefix("/internal/v1/").split("/")
        if parts[0] == "accounts":
            return JSONResponse(_score(asked) if parts[2] == "score" else _signals(asked))
        if parts[0] == "workspace-settings":
            return JSONResponse(self._settings(asked))
        if parts[0] == "alerts":
            return JSONResponse(self._act(asked, parts[1], parts[2]))
        return _endpoints(asked, parts)

    def _settings(self, asked: Asked) -> dict[str, Any]:
        if asked.method == "PUT":
            self._must_match(asked, {"version": self.version})
            self.version += 1
        return {"version": self.version, "settings": {"zone": "Asia/Tokyo"}}

    def _act(self, asked: Asked, alert: str, action: str) -> dict[str, Any]:
        self._must_match(asked, {"id": alert, "version": self.version, "workflow": "open"})
        self.version += 1
        workflow = {"acknowledge": "acknowledged", "resolve": "resolved"}[action]
        return {"id": alert, "version": self.version, "workflow": workflow, "condition": "active"}

    def _must_match(self, asked: Asked, current: dict[str, object]) -> None:
        if required_version(asked.headers.get("if-match")) != self.version:
            raise StaleVersion(f"It is at version {self.version}.", current=current)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[Owners]:
        config = uvicorn.Config(self.app(), host="127.0.0.1", port=0, log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0)
            self.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
            try:
                yield self
            finally:
                server.should_exit = True


def _score(asked: Asked) -> dict[str, Any]:
    account = asked.path.split("/")[4]
    pulse = {k: v for k, v in PULSE.items() if k not in ("calibration_id", "basis", "base")}
    return {
        "account": account,
        "as_of": asked.query.get("as_of", "2026-11-24"),
        "complete_through": "2026-11-24T08:59:00Z",
        "stale": False,
        "basis": "recomputed" if "as_of" in asked.query else "live",
        "score": 51.2,
        "band": "watch",
        "evidence": "ok",
        "coverage": 0.5,
        "model": "default@1",
        "pulse": {**pulse, "calibration": CALIBRATION},
    }


def _signals(asked: Asked) -> dict[str, Any]:
    account = asked.path.split("/")[4]
    return {"account": account, "as_of": "2026-11-24", "signals": {"usage.silent_days": 9.0, "account.lapsed": False}}


def _endpoints(asked: Asked, parts: list[str]) -> Response:
    if len(parts) == 1 and asked.method == "GET":
        return JSONResponse({"results": [ENDPOINT]})
    if len(parts) == 1:
        return JSONResponse({**ENDPOINT, "secret": "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}, 201)
    if parts[1] != ENDPOINT["id"]:
        raise Absent("There is no such endpoint.")
    if asked.method == "GET":
        return JSONResponse(ENDPOINT)
    return Response(status_code=204 if asked.method == "DELETE" else 202)
