"""What every resource shares: who may enter, and how an answer is tagged.

The resources themselves are strangers to each other; this is the wall they hang on. They do without postponed
annotations: FastAPI reads a parameter's `Depends` from its annotation, and a postponed one cannot see the router's
own arguments.

Source: GATEWAY.md 1 and 2.
"""

from __future__ import annotations

import hmac
from base64 import b64decode
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Annotated, Final

from fastapi import Header, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from kizashi_common.errors import Denied, Invalid
from kizashi_common.http.etag import matches, required_version
from kizashi_common.http.measured import template
from kizashi_common.http.problem import request_id_of
from kizashi_gateway.adapters.services import Command
from kizashi_gateway.application.command import Asked, Commands
from kizashi_gateway.application.keys import Keys
from kizashi_gateway.application.sign_in import SignIn
from kizashi_gateway.domain.access import Caller, is_same_origin

_SAFE: Final = frozenset({"GET", "HEAD"})

IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag that you saw. Absent: 428. Not the current one: 412."),
]
IfNoneMatch = Annotated[
    str | None,
    Header(alias="If-None-Match", description="An ETag that you have; 304 when it is still the current one."),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="Repeats of a request under one key have its effect once, within 24 h, and get its answer again.",
    ),
]
REPLAYED: Final = {"Idempotency-Replayed": "true"}


class Resource(BaseModel):
    """A body of the API. Unknown members are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Money(Resource):
    """An amount of money, as a decimal text so that nothing is rounded on the way."""

    amount: str = Field(pattern=r"^-?\d+(\.\d+)?$", examples=["4800000"])
    currency: str = Field(description="ISO 4217; XXX where none is known.", examples=["JPY"])


class Door:
    """Finds the caller of a request and judges whether it may enter."""

    def __init__(self, keys: Keys, sign_in: SignIn, commands: Commands, *, cookie: str, public_url: str) -> None:
        self._keys = keys
        self._sign_in = sign_in
        self._commands = commands
        self._cookie = cookie
        self._public_url = public_url

    def needs(self, scope: str | None) -> Callable[[Request], Awaitable[Asked]]:
        """A dependency: the request's caller, who has the scope (None: any caller).

        Raises: Denied (401) without a valid credential; code `scope_missing` or `csrf` (403).
        """

        async def enter(request: Request) -> Asked:
            caller = await self._caller(request)
            asked = Asked(caller, request_id_of(request), request.client.host if request.client else "")
            action = f"{request.method} {template(request.scope)}"
            if caller.is_session and request.method not in _SAFE:
                await self._must_be_ours(request, asked, action)
            if scope is not None:
                await self._commands.check(asked, scope, action, request.url.path)
            return asked

        return enter

    async def _caller(self, request: Request) -> Caller:
        given = _credential(request.headers.get("authorization"))
        if given is not None:
            return await self._keys.authenticate(given)
        session = request.cookies.get(self._cookie)
        if session is None:
            raise Denied("Send an API key: Authorization: Bearer kza_…")
        return await self._sign_in.recognise(session)

    async def _must_be_ours(self, request: Request, asked: Asked, action: str) -> None:
        sent = request.headers.get("kizashi-csrf", "")
        is_ours = is_same_origin(request.headers.get("origin"), request.headers.get("host"), self._public_url)
        if not is_ours or not hmac.compare_digest(sent.encode(), (asked.caller.csrf or "").encode()):
            error = Denied("A write with a cookie needs Kizashi-CSRF from /v1/me and our own Origin.", code="csrf")
            await self._commands.refused(asked, action, request.url.path, error)
            raise error


def _credential(header: str | None) -> str | None:
    """The key in an Authorization header: a bearer token, or Basic's user name so that existing clients drop in."""
    scheme, _, value = (header or "").strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return None
    try:
        return b64decode(value.strip(), validate=True).decode().partition(":")[0]
    except ValueError as error:
        raise Denied("The Authorization header cannot be read.") from error


def link_to_next(request: Request, cursor: str) -> str:
    """The Link header of a list that goes on; relative, since clients may know us by another name."""
    following = request.url.include_query_params(cursor=cursor)
    return f'<{following.path}?{following.query}>; rel="next"'


def single(body: BaseModel, if_none_match: str | None = None, tag: str | None = None) -> Response:
    """The answer for one object, or 304. Without a version of its own the ETag is a digest of the body."""
    content = body.model_dump_json().encode()
    tag = tag or f'"{sha256(content).hexdigest()[:32]}"'
    if matches(if_none_match, tag):
        return Response(status_code=304, headers={"ETag": tag})
    return Response(content, media_type="application/json", headers={"ETag": tag})


def seen_version(if_match: str | None, *, any_allowed: bool = False) -> int | None:
    """The version that the caller saw; None where `*` is allowed and sent.

    Raises: Invalid code `if_match_required` (428).
    """
    version = required_version(if_match)
    if version is None and not any_allowed:
        raise Invalid("If-Match must name the version that you saw; * is not taken here.", code="if_match_required")
    return version


def command(asked: Asked, version: int | None = None, idempotency_key: str | None = None) -> Command:
    """What travels to the owner with a command."""
    return Command(asked.request_id, version, idempotency_key)
