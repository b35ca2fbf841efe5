"""The door to our own services: sources and their keys.

Source: INGEST.md 19; `contracts/commands/ingest.py`.
"""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from kizashi_common.contracts.commands.ingest import (
    KEY_PATH,
    KEYS_PATH,
    SOURCES_PATH,
    CreateKey,
    CreateSource,
    KeyCreated,
    SourceCreated,
)
from kizashi_common.contracts.ids import NewUuid, parsed, shown
from kizashi_common.errors import Absent, Fault, Invalid
from kizashi_common.http.internal import Gate
from kizashi_common.http.measured import Measured
from kizashi_common.http.problem import RequestIds, exception_handlers
from kizashi_common.http.traced import Traced
from kizashi_ingest import metrics
from kizashi_ingest.application.sources import Grant, Sources
from kizashi_ingest.domain.source_key import NewSource

_Model = TypeVar("_Model", bound=BaseModel)


def internal(sources: Sources, gate: Gate, new_uuid: NewUuid) -> ASGIApp:
    """The application behind the internal address."""
    commands = _Commands(sources, gate)
    routes = [
        Route(SOURCES_PATH, commands.create_source, methods=["POST"]),
        Route(KEYS_PATH, commands.create_key, methods=["POST"]),
        Route(KEY_PATH, commands.revoke_key, methods=["DELETE"]),
    ]
    app = Traced(Starlette(routes=routes, exception_handlers=exception_handlers), metrics.SERVICE, is_public=False)
    return Measured(RequestIds(app, new_uuid), metrics.SERVICE)


class _Commands:
    def __init__(self, sources: Sources, gate: Gate) -> None:
        self._sources = sources
        self._gate = gate

    async def create_source(self, request: Request) -> Response:
        """201 with the source."""
        caller = self._gate.caller(request)
        asked = await _asked(request, CreateSource)
        new = NewSource(caller.workspace, asked.source, asked.name, asked.kind, asked.origins, asked.currency)
        await self._sources.create_source(new, by=caller.actor)
        return _created(SourceCreated(source=new.source))

    async def create_key(self, request: Request) -> Response:
        """201 with the key, shown this once."""
        caller = self._gate.caller(request)
        asked = await _asked(request, CreateKey)
        source: str = request.path_params["source"]
        grant = Grant(asked.may_import, asked.actor)
        if asked.key is None:
            minted = await self._sources.mint_key(caller.workspace, source, asked.kind, grant, by=caller.actor)
            return _created(KeyCreated(key_id=shown("key", minted.key_id), key=minted.key))
        key_id = await self._sources.import_key(caller.workspace, source, asked.kind, asked.key, grant, by=caller.actor)
        return _created(KeyCreated(key_id=shown("key", key_id), key=None))

    async def revoke_key(self, request: Request) -> Response:
        """204."""
        caller = self._gate.caller(request)
        await self._sources.revoke_key(caller.workspace, _key_id(request), by=caller.actor)
        return Response(status_code=204)


def _key_id(request: Request) -> UUID:
    try:
        return parsed("key", request.path_params["key_id"])
    except Invalid as error:
        raise Absent("The workspace has no such key.") from error


async def _asked(request: Request, model: type[_Model]) -> _Model:
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        faults = tuple(
            Fault("/" + "/".join(map(str, found["loc"])), "invalid", found["msg"]) for found in error.errors()
        )
        raise Invalid("The command is not acceptable.", faults=faults) from error


def _created(answer: BaseModel) -> Response:
    return Response(answer.model_dump_json(), 201, media_type="application/json")
