"""The console's addresses, and what happens when a page cannot be shown.

Source: GATEWAY.md 8.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from kizashi_common.errors import Absent, KizashiError
from kizashi_common.http.measured import template
from kizashi_common.http.problem import headers_of, request_id_of
from kizashi_common.telemetry.logging import get_logger
from kizashi_gateway.console.page import Console, drawn, said, status_for, stylesheet, stylesheet_name, words_for
from kizashi_gateway.console.pages.account import page as account
from kizashi_gateway.console.pages.portfolio import page as portfolio
from kizashi_gateway.console.pages.problems import page as problems
from kizashi_gateway.console.pages.runbooks import page as runbooks
from kizashi_gateway.console.pages.sign_in import page as sign_in

__all__ = ["Console", "console"]

_FOR_EVER: Final = "public, max-age=31536000, immutable"
_log = get_logger("gateway")


def console(parts: Console) -> Starlette:
    """The console over its parts."""
    routes = [
        Route(f"/static/{stylesheet_name()}", _stylesheet),
        *portfolio.routes(parts),
        *account.routes(parts),
        *sign_in.routes(parts),
        *runbooks.routes(parts),
        *problems.routes(parts),
    ]
    handlers: dict[Any, Any] = {
        KizashiError: _Failure(parts).known,
        HTTPException: _Failure(parts).framework,
        Exception: _Failure(parts).unforeseen,
    }
    return Starlette(routes=routes, exception_handlers=handlers)


async def _stylesheet(request: Request) -> Response:
    return Response(stylesheet(), media_type="text/css", headers={"Cache-Control": _FOR_EVER})


class _Failure:
    """Failures as pages."""

    def __init__(self, parts: Console) -> None:
        self._parts = parts

    async def known(self, request: Request, error: Exception) -> Response:
        """What we foresaw; who is not signed in is asked to."""
        assert isinstance(error, KizashiError)
        status = status_for(error)
        if status == 401 and request.method == "GET":
            wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/sign-in?{urlencode({'next': wanted})}", 303)
        return self._page(request, error, status)

    async def framework(self, request: Request, error: Exception) -> Response:
        """No such page, wrong method."""
        assert isinstance(error, HTTPException)
        page = self._page(request, Absent(), error.status_code)
        page.headers.update(headers_of(request, error))
        return page

    async def unforeseen(self, request: Request, error: Exception) -> Response:
        """An error of ours: logged once, shown without its inside."""
        _log.error("page_failed", request_id=request_id_of(request), route=template(request.scope), error=error)
        return self._page(request, KizashiError(), 500)

    def _page(self, request: Request, error: KizashiError, status: int) -> Response:
        words = words_for(self._parts, request)
        values = {"text": said(words, error), "request_id": request_id_of(request)}
        return drawn(self._parts, request, words, "problem.html", values, status)
