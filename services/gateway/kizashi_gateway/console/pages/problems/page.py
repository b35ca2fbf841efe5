"""What the `type` of a problem document stands for: one page per code, for whoever meets it, signed in or not.

Source: GATEWAY.md 1, "Errors".
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kizashi_common.errors import Absent
from kizashi_common.http.explained import EXPLAINED
from kizashi_gateway.console.page import Console, drawn, words_for

_TEMPLATE: Final = "pages/problems/page.html"


def routes(console: Console) -> list[Route]:
    """The addresses of these pages."""

    async def index(request: Request) -> Response:
        return drawn(console, request, words_for(console, request), _TEMPLATE, {"explained": EXPLAINED})

    async def one(request: Request) -> Response:
        code = request.path_params["code"]
        if code not in EXPLAINED:
            raise Absent("There is no such code.")
        return drawn(console, request, words_for(console, request), _TEMPLATE, {"explained": {code: EXPLAINED[code]}})

    return [
        Route("/problems", index, methods=["GET"]),
        Route("/problems/{code}", one, methods=["GET"]),
    ]
