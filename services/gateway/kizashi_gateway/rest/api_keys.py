"""API keys of the workspace: listed without secrets, made and shown once, revoked for good.

Source: GATEWAY.md 2 and 3.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Response
from pydantic import AwareDatetime, Field

from kizashi_common.contracts.ids import shown
from kizashi_common.errors import Absent
from kizashi_common.http.etag import etag
from kizashi_gateway.application.command import Asked, Commands, Wish
from kizashi_gateway.application.keys import Keys, NewKey
from kizashi_gateway.domain.access import ALL_SCOPES
from kizashi_gateway.domain.credential import ApiKey
from kizashi_gateway.rest.door import Door, IdempotencyKey, IfMatch, IfNoneMatch, Resource, seen_version, single
from kizashi_gateway.rest.openapi import operation


class Key(Resource):
    """An API key, without its secret."""

    id: str = Field(pattern=r"^key_[0-9A-Za-z]{12}$")
    version: int
    name: str
    scopes: list[str]
    created_by: str = Field(description="The member it acts for.")
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute.")


class NewlyMade(Key):
    """An API key that was just made, with the only copy of its secret."""

    key: str = Field(description="`kza_…`: send it as Authorization: Bearer. It is never shown again.")


class KeyList(Resource):
    """All keys of the workspace, newest first."""

    results: list[Key]


# Only said here, and judged where all faults of a request are listed at once.
Scope = Annotated[str, Field(json_schema_extra={"enum": sorted(ALL_SCOPES)})]


class KeyRequest(Resource):
    """An API key to make. It can hold no scope that its creator lacks."""

    name: str = Field(pattern=r"^[^\x00]*$", min_length=1, max_length=100, description="To recognise it by.")
    scopes: tuple[Scope, ...] = Field(min_length=1, max_length=100, description="For example `accounts:read`.")
    expires_at: AwareDatetime | None = Field(default=None, description="Within a year; default: in a year.")


_EXAMPLE: Final[dict[str, Any]] = {
    "id": "key_0kT3h5dQz9aB",
    "version": 1,
    "name": "warehouse",
    "scopes": ["accounts:read", "scores:read"],
    "created_by": "mem_0192f0c1d2e37abc8def0123456789ab",
    "created_at": "2026-10-01T09:00:00Z",
    "expires_at": "2027-10-01T09:00:00Z",
    "revoked_at": None,
    "last_used_at": None,
}
_SECRET: Final = "kza_0kT3h5dQz9aB_" + "0" * 43 + "000000"

_KEY_ID: Final = re.compile("key_([0-9A-Za-z]{12})")

KeyPath = Annotated[str, Path(max_length=80, description="`key_…`")]


def router(door: Door, keys: Keys, commands: Commands) -> APIRouter:
    """The resource, ready to be mounted."""
    made = APIRouter(tags=["API keys"])
    _reads(made, door, keys)
    _writes(made, door, keys, commands)
    return made


def _reads(made: APIRouter, door: Door, keys: Keys) -> None:
    enter = Depends(door.needs("keys:read"))

    @made.get(
        "/api-keys",
        response_model=KeyList,
        **operation(
            "list_api_keys",
            "List API keys",
            "All keys of the workspace, revoked ones too, newest first.",
            scope="keys:read",
            example={"results": [_EXAMPLE]},
        ),
    )
    async def list_api_keys(asked: Annotated[Asked, enter]) -> KeyList:
        return KeyList(results=[Key(**_members(key)) for key in await keys.listed(asked.caller)])

    @made.get(
        "/api-keys/{id}",
        response_model=Key,
        **operation(
            "get_api_key",
            "Get an API key",
            "One key, without its secret.",
            scope="keys:read",
            errors=(304, 404),
            example=_EXAMPLE,
        ),
    )
    async def get_api_key(
        id: KeyPath,  # noqa: A002
        asked: Annotated[Asked, enter],
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        key = await keys.one(asked.caller, _key_id(id))
        return single(Key(**_members(key)), if_none_match, etag(key.version))


def _writes(made: APIRouter, door: Door, keys: Keys, commands: Commands) -> None:
    enter = Depends(door.needs(None))

    @made.post(
        "/api-keys",
        status_code=201,
        response_model=NewlyMade,
        **operation(
            "create_api_key",
            "Create an API key",
            "The answer holds the key, this once: a repeat under the same Idempotency-Key is 409.",
            scope="keys:write",
            errors=(400, 409, 415),
            example={**_EXAMPLE, "key": _SECRET},
        ),
    )
    async def create_api_key(
        body: KeyRequest, response: Response, asked: Annotated[Asked, enter], idempotency_key: IdempotencyKey = None
    ) -> NewlyMade:
        wanted = NewKey(body.name, body.scopes, body.expires_at)
        wish = Wish(asked, "keys:write", "api_key.create", "api-keys", body.model_dump(mode="json"))
        born = await commands.carry_out(wish, lambda: keys.make(asked.caller, wanted, idempotency_key))
        response.headers["Location"] = f"/v1/api-keys/{born.id}"
        response.headers["ETag"] = etag(born.key.version)
        return NewlyMade(**_members(born.key), key=born.text)

    @made.delete(
        "/api-keys/{id}",
        status_code=200,
        response_model=Key,
        **operation(
            "revoke_api_key",
            "Revoke an API key",
            "It opens nothing any more, here at once and in other processes within 30 s. It stays listed.",
            scope="keys:write",
            errors=(404, 412, 428),
            example={**_EXAMPLE, "version": 2, "revoked_at": "2026-10-02T09:00:00Z"},
        ),
    )
    async def revoke_api_key(
        id: KeyPath,  # noqa: A002
        asked: Annotated[Asked, enter],
        if_match: IfMatch = None,
    ) -> Response:
        key_id, version = _key_id(id), seen_version(if_match, any_allowed=True)
        wish = Wish(asked, "keys:write", "api_key.revoke", f"key_{key_id}")
        key = await commands.carry_out(wish, lambda: keys.revoke(asked.caller, key_id, version))
        return single(Key(**_members(key)), None, etag(key.version))


def _key_id(text: str) -> str:
    found = _KEY_ID.fullmatch(text)
    if found is None:
        raise Absent("There is no such API key.")
    return found[1]


def _members(key: ApiKey) -> dict[str, Any]:
    return {
        "id": f"key_{key.key_id}",
        "version": key.version,
        "name": key.name,
        "scopes": list(key.scopes),
        "created_by": shown("mem", key.created_by),
        "created_at": key.created_at,
        "expires_at": key.ends_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    }
