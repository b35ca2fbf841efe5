"""Health's door for the other services: reads as of a day, settings, reconstruction, snapshots of the past.

Source: HEALTH.md 16; `contracts/commands/health.py`.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, TypeVar
from urllib.parse import unquote
from uuid import UUID

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kizashi_common.contracts import scores
from kizashi_common.contracts.commands.health import (
    RECONSTRUCTIONS_PATH,
    SCORE_PATH,
    SETTINGS_PATH,
    SIGNALS_PATH,
    ReconstructionRequest,
    WorkspaceSettings,
)
from kizashi_common.contracts.ids import NewUuid, account_uuid, parsed
from kizashi_common.errors import Absent, Fault, Invalid
from kizashi_common.http.etag import etag, required_version
from kizashi_common.http.internal import Gate
from kizashi_common.http.problem import RequestIds, exception_handlers
from kizashi_common.http.traced import Traced
from kizashi_health.application.as_of import AsOf
from kizashi_health.application.reconstruct import Reconstruct
from kizashi_health.application.settings import SettingsOf
from kizashi_health.application.snapshots import Snapshots

SNAPSHOTS_PATH: Final = "/internal/v1/snapshots"
T = TypeVar("T", bound=BaseModel)

_EXTERNAL: Final = "ext:"
_MOST: Final = 500
_YEARS: Final = range(1970, 2100)
"""Those of facts and events; near the ends of the calendar no zone can be applied."""


class Internal:
    """The routes; each asks one thing of the application."""

    def __init__(
        self, gate: Gate, as_of: AsOf, settings: SettingsOf, reconstruct: Reconstruct, snapshots: Snapshots
    ) -> None:
        self._gate = gate
        self._as_of = as_of
        self._settings = settings
        self._reconstruct = reconstruct
        self._snapshots = snapshots

    def app(self, new_uuid: NewUuid) -> RequestIds:
        """The ASGI application."""
        routes = [
            Route(SCORE_PATH.replace("{account}", "{account:path}"), self._score),
            Route(SIGNALS_PATH.replace("{account}", "{account:path}"), self._signals),
            Route(SETTINGS_PATH, self._read_settings, methods=["GET"]),
            Route(SETTINGS_PATH, self._replace_settings, methods=["PUT"]),
            Route(RECONSTRUCTIONS_PATH, self._reconstruct_past, methods=["POST"]),
            Route(SNAPSHOTS_PATH, self._snapshots_of),
        ]
        app = Traced(Starlette(routes=routes, exception_handlers=exception_handlers), "health", is_public=False)
        return RequestIds(app, new_uuid)

    async def _score(self, request: Request) -> Response:
        workspace = self._gate.caller(request).workspace
        return _answer(await self._as_of.score(workspace, _account(request, workspace), _as_of(request)))

    async def _signals(self, request: Request) -> Response:
        workspace = self._gate.caller(request).workspace
        return _answer(await self._as_of.signals(workspace, _account(request, workspace), _as_of(request)))

    async def _read_settings(self, request: Request) -> Response:
        found = await self._settings.read(self._gate.caller(request).workspace)
        return _answer(found, {"etag": etag(found.version)})

    async def _replace_settings(self, request: Request) -> Response:
        caller = self._gate.caller(request)
        settings = await _body(request, WorkspaceSettings)
        expected = required_version(request.headers.get("if-match"))
        made = await self._settings.replace(caller.workspace, settings, expected, caller.actor)
        return _answer(made, {"etag": etag(made.version)})

    async def _reconstruct_past(self, request: Request) -> Response:
        caller = self._gate.caller(request)
        asked = await _body(request, ReconstructionRequest)
        return _answer(await self._reconstruct.run(caller.workspace, asked.days))

    async def _snapshots_of(self, request: Request) -> Response:
        caller = self._gate.caller(request)
        query = request.query_params
        after = parsed("acc", query["after"]) if "after" in query else None
        page = await self._snapshots.page(
            caller.workspace, _number(query.get("days"), 30), after, min(_number(query.get("limit"), 200), _MOST)
        )
        body = b"".join(scores.encode(one) + b"\n" for one in page.snapshots)
        headers = {} if page.following is None else {"kizashi-next": page.following}
        return Response(body, media_type="application/x-ndjson", headers=headers)


def _answer(model: BaseModel, headers: dict[str, str] | None = None) -> Response:
    return Response(model.model_dump_json(), media_type="application/json", headers=headers)


def _account(request: Request, workspace: str) -> UUID:
    """The account of the path: its id, or `ext:` and its external id."""
    named = unquote(request.path_params["account"])
    if named.startswith(_EXTERNAL):
        return account_uuid(workspace, named.removeprefix(_EXTERNAL))
    try:
        return parsed("acc", named)
    except Invalid as error:
        raise Absent("There is no such account.") from error


def _as_of(request: Request) -> date | datetime | None:
    """A date, or an instant: it names the local day that it falls on, which only the workspace's zone can tell."""
    given = request.query_params.get("as_of")
    if given is None:
        return None
    try:
        named = date.fromisoformat(given) if len(given) == 10 else datetime.fromisoformat(given)
    except ValueError:
        named = None
    if named is None or named.year not in _YEARS:
        fault = Fault("/as_of", "invalid", "A date such as 2026-11-24, or an RFC 3339 instant.")
        raise Invalid("as_of is not a date.", faults=(fault,))
    return named


def _number(given: str | None, default: int) -> int:
    if given is None:
        return default
    if not given.isdecimal() or int(given) < 1:
        raise Invalid("A whole number above zero is wanted.", faults=(Fault("", "invalid", given[:40]),))
    return int(given)


async def _body(request: Request, model: type[T]) -> T:
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        faults = tuple(
            Fault("/" + "/".join(str(part) for part in detail["loc"]), detail["type"], detail["msg"])
            for detail in error.errors()
        )
        raise Invalid("The request is not acceptable.", faults=faults) from error
