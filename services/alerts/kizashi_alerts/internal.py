"""Alerts' door for the other services: act on alerts, manage webhook endpoints, judge an imported past.

Source: contracts/commands/alerts; ARCHITECTURE.md 3.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from kizashi_alerts.adapters.endpoints import PREFIX
from kizashi_alerts.application.act import Act, Answered, Wish
from kizashi_alerts.application.endpoints import ManageEndpoints
from kizashi_alerts.application.imported_past import JudgePast
from kizashi_common.contracts.commands import alerts as commands
from kizashi_common.contracts.ids import NewUuid, parsed
from kizashi_common.db.repeats import Once
from kizashi_common.errors import Absent, Fault, Invalid
from kizashi_common.http.etag import etag, required_version
from kizashi_common.http.internal import Caller, Gate
from kizashi_common.http.problem import REQUEST_ID, RequestIds, exception_handlers
from kizashi_common.http.traced import Traced

M = TypeVar("M", bound=BaseModel)
_REPLAYED: Final = {"idempotency-replayed": "true"}


class Internal:
    """The routes, over what they ask."""

    def __init__(self, gate: Gate, act: Act, endpoints: ManageEndpoints, past: JudgePast) -> None:
        self._gate = gate
        self._act = act
        self._endpoints = endpoints
        self._past = past

    def app(self, new_uuid: NewUuid) -> ASGIApp:
        """The ASGI application of the internal address."""
        app = Starlette(
            routes=[
                Route(commands.ACKNOWLEDGE_PATH, self._acknowledge, methods=["POST"]),
                Route(commands.RESOLVE_PATH, self._resolve, methods=["POST"]),
                Route(commands.ENDPOINTS_PATH, self._list, methods=["GET"]),
                Route(commands.ENDPOINTS_PATH, self._create, methods=["POST"]),
                Route(commands.ENDPOINT_PATH, self._get, methods=["GET"]),
                Route(commands.ENDPOINT_PATH, self._delete, methods=["DELETE"]),
                Route(commands.ENDPOINT_TEST_PATH, self._test, methods=["POST"]),
                Route(commands.REPLAYS_PATH, self._judge_past, methods=["POST"]),
            ],
            exception_handlers=exception_handlers,
        )
        return RequestIds(Traced(app, "alerts", is_public=False), new_uuid)

    async def _acknowledge(self, request: Request) -> Response:
        wish = await self._wish(request)
        return _changed(await self._act.acknowledge(wish, await _body(request, commands.Acknowledge)))

    async def _resolve(self, request: Request) -> Response:
        wish = await self._wish(request)
        return _changed(await self._act.resolve(wish, await _body(request, commands.Resolve)))

    async def _wish(self, request: Request) -> Wish:
        caller = self._gate.caller(request)
        return Wish(
            workspace=caller.workspace,
            actor=caller.actor,
            alert_id=_id("alr", request.path_params["alert"]),
            version=required_version(request.headers.get("if-match")),
            request_id=request.headers.get(REQUEST_ID),
            once=await _once(request, caller),
        )

    async def _list(self, request: Request) -> Response:
        return _json(await self._endpoints.list(self._gate.caller(request).workspace))

    async def _create(self, request: Request) -> Response:
        caller = self._gate.caller(request)
        asked = await _body(request, commands.EndpointRequest)
        made = await self._endpoints.create(caller.workspace, caller.actor, asked, await _once(request, caller))
        return _json(made, 201, etag(made.version))

    async def _get(self, request: Request) -> Response:
        workspace, endpoint = self._endpoint(request)
        found = await self._endpoints.get(workspace, endpoint)
        return _json(found, tag=etag(found.version))

    async def _delete(self, request: Request) -> Response:
        workspace, endpoint = self._endpoint(request)
        version = required_version(request.headers.get("if-match", "*"))
        await self._endpoints.delete(workspace, endpoint, version)
        return Response(status_code=204)

    async def _test(self, request: Request) -> Response:
        workspace, endpoint = self._endpoint(request)
        once = await _once(request, self._gate.caller(request))
        pinged = await self._endpoints.test(workspace, endpoint, once)
        return JSONResponse({"event": pinged.event}, 202, _REPLAYED if pinged.is_repeat else None)

    def _endpoint(self, request: Request) -> tuple[str, UUID]:
        return self._gate.caller(request).workspace, _id(PREFIX, request.path_params["endpoint"])

    async def _judge_past(self, request: Request) -> Response:
        workspace = self._gate.caller(request).workspace
        return _json(await self._past.judge(workspace, await _body(request, commands.ImportedPast)))


def _id(prefix: str, text: str) -> UUID:
    try:
        return parsed(prefix, text)
    except Invalid as error:
        raise Absent("There is no such thing.") from error


async def _once(request: Request, caller: Caller) -> Once | None:
    """What tells this request from others, if it may be repeated."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    route = f"{request.method} {request.url.path}"
    return Once(caller.workspace, caller.actor, route, key, sha256(await request.body()).digest())


async def _body(request: Request, model: type[M]) -> M:
    """The body as its model; an empty one is an empty object. Raises: Invalid with every fault."""
    try:
        return model.model_validate_json(await request.body() or b"{}")
    except ValidationError as error:
        faults = tuple(
            Fault("/" + "/".join(map(str, one["loc"])), str(one["type"]), str(one["msg"])) for one in error.errors()
        )
        raise Invalid("The body is not acceptable.", faults=faults) from error


def _changed(answered: Answered) -> Response:
    answer = _json(answered.alert, tag=etag(answered.alert.version))
    answer.headers.update(_REPLAYED if answered.is_repeat else {})
    return answer


def _json(answer: BaseModel, status: int = 200, tag: str | None = None) -> Response:
    headers = {} if tag is None else {"etag": tag}
    return Response(answer.model_dump_json(), status, headers, media_type="application/json")
