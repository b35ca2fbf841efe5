"""The portfolio: the short list of accounts to look at today, in order of money at risk, with the reason.

Source: GATEWAY.md 8; SCORING.md 7.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kizashi_common.contracts.ids import shown
from kizashi_gateway.console.page import Console, Visitor, signed_in_page, visitor_of
from kizashi_gateway.console.reasons import sentence
from kizashi_gateway.domain.cursor import binding
from kizashi_gateway.queries.accounts import Account, BandSum, Directory, Filters, Summary
from kizashi_gateway.queries.scores import ScoreDay, one_per_day

_BANDS: Final = ("risk", "watch", "good", None)
_LIMIT: Final = 50
_SPAN: Final = timedelta(days=28)
_WIDTH: Final = 96
_HEIGHT: Final = 24
_LEAST_SPAN: Final = 30.0
"""Points that the height of a trend shows at least: with less, noise would look like a story."""


@dataclass(frozen=True)
class Spark:
    """A trend as a path of an SVG, with its last point."""

    path: str
    x: float
    y: float
    first: float
    last: float


def routes(console: Console) -> list[Route]:
    """The addresses of this page."""

    async def show(request: Request) -> Response:
        visitor = await visitor_of(console, request)
        visitor.caller.must("accounts:read")
        chosen = _chosen(request)
        filters = _filters(chosen, visitor)
        workspace = visitor.caller.workspace
        bound_to = binding(workspace, "portfolio", chosen)
        cursor = request.query_params.get("after")
        rows = await console.accounts.page(workspace, filters, console.cursors.read(bound_to, cursor), _LIMIT + 1)
        page = rows[:_LIMIT]
        following = None
        if len(rows) > _LIMIT:
            after = console.cursors.write(bound_to, (page[-1].revenue_at_risk, str(page[-1].account_id)))
            following = "/?" + urlencode({**chosen, "after": after})
        summary = await console.accounts.summary(workspace, replace(filters, bands=()))
        directory = await console.accounts.directory(workspace)
        sparks = await _sparks(console, workspace, page)
        values = {
            "rows": [_row(row, directory, sparks, visitor) for row in page],
            "tiles": [_tile(summary, band, chosen, visitor) for band in _BANDS],
            "owners": [(name, directory.owner(name)[1]) for name in summary.owners],
            "chosen": chosen,
            "next": following,
            "is_first": cursor is None,
            "first": "/?" + urlencode(chosen) if chosen else "/",
            "complete_through": summary.complete_through,
        }
        return await signed_in_page(console, request, visitor, "pages/portfolio/page.html", values)

    return [Route("/", show, methods=["GET"])]


def _chosen(request: Request) -> dict[str, str]:
    """The filters in the address; what is empty or unknown is no filter."""
    chosen: dict[str, str] = {}
    band = request.query_params.get("band", "")
    if band in _BANDS:
        chosen["band"] = band
    owner = request.query_params.get("owner", "").replace("\x00", "")
    if owner:
        chosen["owner"] = owner[:320]
    return chosen


def _filters(chosen: dict[str, str], visitor: Visitor) -> Filters:
    owner = chosen.get("owner")
    owners = tuple(sorted(visitor.caller.owner_names)) if owner == "me" else (owner,) if owner else ()
    return Filters(bands=(chosen["band"],) if "band" in chosen else (), owners=owners)


def _row(row: Account, directory: Directory, sparks: dict[Any, Spark], visitor: Visitor) -> dict[str, Any]:
    reason = row.top_reasons[0] if row.top_reasons else None
    return {
        "account": row,
        "href": f"/a/{shown('acc', row.account_id)}",
        "name": row.name or row.external_id,
        "owner": directory.owner(row.owner)[1] if row.owner else None,
        "reason": None if reason is None else sentence(visitor.words, reason, row.body.get("signals") or {}),
        "points": None if reason is None else reason.points,
        "spark": sparks.get(row.account_id),
        "faint": row.stale or row.evidence == "low",
        "alerts": sorted(row.open_alerts.items(), key=lambda item: _SEVERITY_ORDER.get(item[0], 9)),
    }


_SEVERITY_ORDER: Final = {"critical": 0, "high": 1, "low": 2, "info": 3}


def _tile(summary: Summary, band: str | None, chosen: dict[str, str], visitor: Visitor) -> dict[str, Any]:
    sums = [part for part in summary.bands if part.band == band]
    count = sum(part.accounts for part in sums)
    href = "/?" + urlencode({**chosen, "band": band}) if band else None
    return {
        "band": band,
        "count": count,
        "href": href,
        "is_chosen": band is not None and chosen.get("band") == band,
        "at_risk": _money(visitor, sums, "revenue_at_risk"),
        "arr": _money(visitor, sums, "arr"),
    }


def _money(visitor: Visitor, sums: list[BandSum], member: str) -> str | None:
    """One amount per currency, as text: sums of different currencies are never added."""
    amounts: dict[str, float] = {}
    for part in sums:
        if part.currency is not None:
            amounts[part.currency] = amounts.get(part.currency, 0.0) + getattr(part, member)
    listed = [visitor.words.short_money(amount, currency) for currency, amount in sorted(amounts.items())]
    return " + ".join(listed) or None


async def _sparks(console: Console, workspace: str, rows: tuple[Account, ...]) -> dict[Any, Spark]:
    if not rows:
        return {}
    end = max(row.as_of for row in rows).date() + timedelta(days=1)
    history = await console.scores.of_many(workspace, [row.account_id for row in rows], end - _SPAN, end)
    made = {account: _spark(days) for account, days in history.items()}
    return {account: spark for account, spark in made.items() if spark is not None}


def _spark(days: tuple[ScoreDay, ...]) -> Spark | None:
    points = [(row.day, row.score) for row in one_per_day(days) if row.score is not None]
    if len(points) < 3:
        return None
    scores = [score for _, score in points]
    low = min(*scores, max(0.0, (min(scores) + max(scores) - _LEAST_SPAN) / 2))
    high = max(*scores, low + _LEAST_SPAN)
    placed = [_placed(day, points[0][0], points[-1][0], (score - low) / (high - low)) for day, score in points]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in placed)
    return Spark(path, *placed[-1], scores[0], scores[-1])


def _placed(day: date, start: date, end: date, up: float) -> tuple[float, float]:
    across = (day - start).days / max(1, (end - start).days)
    return round(2 + across * (_WIDTH - 5), 1), round(_HEIGHT - 3 - up * (_HEIGHT - 6), 1)
