"""What every page shares: who looks, in which language, how it is drawn, and how a form proves that it is ours.

Pages are plain documents: links and forms, no script. Everything that changes passes through `application/command.py`.

Source: GATEWAY.md 2, 6 and 8.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import URL, FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from kizashi_common.errors import Denied, KizashiError
from kizashi_common.http.measured import template
from kizashi_common.http.problem import request_id_of, status_of
from kizashi_common.runtime.service import Clock
from kizashi_gateway.adapters.services import OwnerRefused, Owners
from kizashi_gateway.adapters.store import Store
from kizashi_gateway.application.command import Asked, Commands
from kizashi_gateway.application.sign_in import SignIn, Visit
from kizashi_gateway.console.language import Words
from kizashi_gateway.domain.access import Caller, is_same_origin
from kizashi_gateway.domain.cursor import Cursors
from kizashi_gateway.domain.words import LANGUAGES, Language, accepted
from kizashi_gateway.queries.accounts import Accounts
from kizashi_gateway.queries.alerts import Alerts
from kizashi_gateway.queries.scores import Scores
from kizashi_gateway.queries.zones import Zones

HERE: Final = Path(__file__).parent
LANGUAGE_COOKIE: Final = "kizashi-language"
_YEAR_S: Final = 365 * 24 * 3600


@dataclass(frozen=True)
class Console:
    """All that pages read from and act through."""

    accounts: Accounts
    alerts: Alerts
    scores: Scores
    zones: Zones
    owners: Owners
    commands: Commands
    sign_in: SignIn
    store: Store
    cursors: Cursors
    clock: Clock
    cookie: str
    public_url: str

    @cached_property
    def templates(self) -> Environment:
        """The templates beside the pages. A name that a page forgot is an error, never an empty place."""
        made = Environment(
            loader=FileSystemLoader(HERE),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        made.globals["stylesheet"] = f"/static/{stylesheet_name()}"
        return made


@dataclass(frozen=True)
class Visitor:
    """A signed-in member looking at a page."""

    caller: Caller
    words: Words
    asked: Asked

    def may(self, scope: str) -> bool:
        """Whether to show what needs the scope. The command road checks again: hiding is no protection."""
        return scope in self.caller.scopes


def stylesheet() -> bytes:
    """The one stylesheet."""
    return (HERE / "static" / "kizashi.css").read_bytes()


def stylesheet_name() -> str:
    """Its name, which changes with its content, so that browsers may keep it for ever."""
    return f"kizashi.{sha256(stylesheet()).hexdigest()[:12]}.css"


def language_of(request: Request) -> Language:
    """The language asked for in the address, else chosen before, else the browser's."""
    for wanted in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        for language in LANGUAGES:
            if wanted == language:
                return language
    return accepted(request.headers.get("accept-language"))


def words_for(console: Console, request: Request, zone: tzinfo = UTC) -> Words:
    """The words that a request is answered in; whoever is not signed in is told times of no place."""
    return Words(language_of(request), console.clock(), zone)


def visit_of(request: Request) -> Visit:
    """Request id and address, for the log."""
    return Visit(request_id_of(request), request.client.host if request.client else "")


async def visitor_of(console: Console, request: Request) -> Visitor:
    """Who looks. Raises: Denied without a living session: the application then asks to sign in."""
    token = request.cookies.get(console.cookie)
    if token is None:
        raise Denied("Sign in first.")
    caller = await console.sign_in.recognise(token)
    visit = visit_of(request)
    zone = await console.zones.of(caller.workspace)
    return Visitor(caller, words_for(console, request, zone), Asked(caller, visit.request_id, visit.address))


def must_be_ours(console: Console, request: Request) -> None:
    """Raises: Denied code `csrf` when a form was not sent from a page of ours."""
    if not is_same_origin(request.headers.get("origin"), request.headers.get("host"), console.public_url):
        raise Denied("The form was not sent from a page of ours.", code="csrf")


async def form_of(console: Console, request: Request, visitor: Visitor) -> FormData:
    """The fields of a form. Raises: Denied code `csrf` unless a page of this session sent it."""
    try:
        must_be_ours(console, request)
        fields = await request.form()
        sent = str(fields.get("csrf", ""))
        if not hmac.compare_digest(sent.encode(), (visitor.caller.csrf or "").encode()):
            raise Denied("The form does not belong to this session.", code="csrf")
    except Denied as error:
        action = f"{request.method} {template(request.scope)}"
        await console.commands.refused(visitor.asked, action, request.url.path, error)
        raise
    return fields


async def signed_in_page(
    console: Console, request: Request, visitor: Visitor, template: str, values: Mapping[str, Any], status: int = 200
) -> Response:
    """A page inside the frame: menu, workspace, language, sign-out."""
    workspace = await console.store.workspace_name(visitor.caller.workspace)
    frame = {"visitor": visitor, "workspace": workspace, "csrf": visitor.caller.csrf}
    return drawn(console, request, visitor.words, template, {**frame, **values}, status)


def drawn(
    console: Console, request: Request, words: Words, template: str, values: Mapping[str, Any], status: int = 200
) -> Response:
    """A template as an answer; a language asked for in the address is remembered.

    `values` may name the page's own `address`, where that is not the request's.
    """
    everywhere: dict[str, Any] = {
        "t": words,
        "language": words.language,
        "languages": LANGUAGES,
        "here": _here(request, values.get("address")),
    }
    everywhere |= {"visitor": None, "workspace": None, "csrf": None}
    body = console.templates.get_template(template).render({**everywhere, **values})
    answer = HTMLResponse(body, status, headers={"Vary": "Accept-Language, Cookie", "Content-Language": words.language})
    if request.query_params.get("lang") in LANGUAGES:
        answer.set_cookie(LANGUAGE_COOKIE, words.language, max_age=_YEAR_S, samesite="lax", httponly=True)
    return answer


def _here(request: Request, address: str | None) -> dict[str, str]:
    """This page in each language: the same address, with that language in it."""
    # One slash: two would name another site.
    own = request.url.replace(scheme="", netloc="", path=f"/{request.url.path.lstrip('/')}")
    here = own if address is None else URL(address)
    return {language: str(here.include_query_params(lang=language)) for language in LANGUAGES}


def status_for(error: KizashiError) -> int:
    """The status of a page that tells of a failure: the owner's, where an owner refused."""
    return error.status if isinstance(error, OwnerRefused) else status_of(error)


def said(words: Words, error: KizashiError) -> str:
    """What went wrong, in the reader's words where we have them."""
    code = error.reason
    if code in ("unauthenticated", "missing_cookie"):
        code = "csrf"
    fallback = words("problem.unknown") if status_for(error) >= 500 else words("problem.invalid", detail=error.detail)
    return (
        words.known(f"problem.{code}", fallback) if code != "invalid" else words("problem.invalid", detail=error.detail)
    )
