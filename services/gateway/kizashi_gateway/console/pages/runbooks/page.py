"""What to do when an alert fires: one page per alert, for whoever is woken, signed in or not.

The texts are those of `docs/runbooks`, packed beside this file in a wheel. They hold no data of anybody.

Source: OPERATIONS.md 6.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kizashi_common.errors import Absent
from kizashi_gateway.console.page import Console, drawn, words_for

_HERE: Final = Path(__file__).resolve()
PLACES: Final = (_HERE.parent / "texts", *(above / "docs" / "runbooks" for above in _HERE.parents[6:7]))
"""Where a wheel has them, and where the repository has them."""

_TEMPLATE: Final = "pages/runbooks/page.html"


def read(places: tuple[Path, ...] = PLACES) -> Mapping[str, str]:
    """Every runbook by its alert's name, from the first place that has any; sorted by name."""
    for place in places:
        found = {path.stem: path.read_text(encoding="utf-8") for path in sorted(place.glob("Kizashi*.md"))}
        if found:
            return MappingProxyType(found)
    return MappingProxyType({})


@cache
def runbooks() -> Mapping[str, str]:
    """Every runbook, read once."""
    return read()


def routes(console: Console) -> list[Route]:
    """The addresses of these pages."""

    async def index(request: Request) -> Response:
        return _page(console, request, {"name": None, "text": None})

    async def one(request: Request) -> Response:
        name = request.path_params["alert"]
        text = runbooks().get(name)
        if text is None:
            raise Absent("There is no such runbook.")
        return _page(console, request, {"name": name, "text": text.partition("\n")[2].strip()})

    return [
        Route("/runbooks", index, methods=["GET"]),
        Route("/runbooks/{alert}", one, methods=["GET"]),
    ]


def _page(console: Console, request: Request, values: dict[str, str | None]) -> Response:
    return drawn(console, request, words_for(console, request), _TEMPLATE, {"names": list(runbooks()), **values})
