"""Signing in: by a one-time link, or with an admin key; and out again.

A GET of the link only shows a button: mail and chat tools open links to preview them, and must not use them up.

Source: GATEWAY.md 2, "Local mode".
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from kizashi_common.errors import Denied
from kizashi_gateway.console.page import (
    Console,
    drawn,
    form_of,
    must_be_ours,
    visit_of,
    visitor_of,
    words_for,
)
from kizashi_gateway.domain.credential import SESSION_LIFE

_TEMPLATE = "pages/sign_in/page.html"


def routes(console: Console) -> list[Route]:
    """The addresses of this page."""

    async def show(request: Request) -> Response:
        return _page(console, request, {"link": None, "next": _inside(request.query_params.get("next", "/"))})

    async def with_key(request: Request) -> Response:
        must_be_ours(console, request)
        fields = await request.form()
        following = _inside(str(fields.get("next", "/")))
        try:
            token = await console.sign_in.by_key(str(fields.get("key", "")).strip(), visit_of(request))
        except Denied:
            return _page(console, request, {"link": None, "next": following, "failure": "sign_in.failed_key"}, 401)
        return _opened(console, token, following)

    async def show_link(request: Request) -> Response:
        return _page(console, request, {"link": request.path_params["token"], "next": "/"})

    async def use_link(request: Request) -> Response:
        must_be_ours(console, request)
        try:
            token = await console.sign_in.by_link(request.path_params["token"], visit_of(request))
        except Denied:
            return _page(console, request, {"link": None, "next": "/", "failure": "sign_in.failed_link"}, 401)
        return _opened(console, token, "/")

    async def sign_out(request: Request) -> Response:
        visitor = await visitor_of(console, request)
        await form_of(console, request, visitor)
        await console.sign_in.end(visitor.caller, request.cookies[console.cookie], visit_of(request))
        answer = RedirectResponse("/sign-in", 303)
        answer.delete_cookie(console.cookie, path="/", httponly=True, samesite="lax", secure=_is_secure(console))
        return answer

    return [
        Route("/sign-in", show, methods=["GET"]),
        Route("/sign-in", with_key, methods=["POST"]),
        Route("/sign-in/{token}", show_link, methods=["GET"]),
        Route("/sign-in/{token}", use_link, methods=["POST"]),
        Route("/sign-out", sign_out, methods=["POST"]),
    ]


def _page(console: Console, request: Request, values: dict[str, str | None], status: int = 200) -> Response:
    return drawn(console, request, words_for(console, request), _TEMPLATE, {"failure": None, **values}, status)


def _opened(console: Console, token: str, following: str) -> Response:
    answer = RedirectResponse(following, 303)
    answer.set_cookie(
        console.cookie,
        token,
        max_age=int(SESSION_LIFE.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=_is_secure(console),
    )
    return answer


def _is_secure(console: Console) -> bool:
    return console.public_url.startswith("https://")


def _inside(address: str) -> str:
    """The address if it is a page of ours: a redirect to elsewhere would lend our name to a stranger."""
    is_ours = address.startswith("/") and not address.startswith(("//", "/\\")) and "\n" not in address
    return address if is_ours else "/"
