"""The score's history as a picture: a Vega-Lite specification, rendered to SVG beside the event loop.

Colours are CSS variables, so one picture serves the light and the dark scheme; the SVG holds no style attribute, so
the strict policy of the console stays whole.

Source: ARCHITECTURE.md, decision 23.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any, Final, NamedTuple

import vl_convert
from markupsafe import Markup

GOOD: Final = 70
WATCH: Final = 40


class Point(NamedTuple):
    """One day's score; `basis` as in the history."""

    day: date
    score: float
    basis: str


class Size(NamedTuple):
    """Of the plot, in CSS pixels."""

    width: int
    height: int


WIDE: Final = Size(740, 220)
NARROW: Final = Size(300, 190)


async def history(points: Sequence[Point], language: str, size: Size) -> Markup:
    """The picture. The text of the SVG is ours and the renderer's: dates and numbers, nothing that anyone typed."""
    svg: str = await asyncio.to_thread(
        vl_convert.vegalite_to_svg, _specification(points, language, size), allowed_base_urls=[]
    )
    return Markup(svg)  # noqa: S704


def _specification(points: Sequence[Point], language: str, size: Size) -> dict[str, Any]:
    rows = [{"day": point.day.isoformat(), "score": round(point.score, 1), "basis": point.basis} for point in points]
    days = {"field": "day", "type": "temporal", "scale": {"type": "utc"}}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": size.width,
        "height": size.height,
        "background": None,
        "padding": 2,
        "data": {"values": rows},
        "layer": [*_bands(), _line(days, language, size), _last(days)],
        "config": _CONFIG,
    }


def _bands() -> list[dict[str, Any]]:
    return [
        {
            "data": {"values": [{"low": low, "high": high}]},
            "mark": {"type": "rect", "color": f"var(--band-{name})", "opacity": 1},
            "encoding": {
                "y": {"field": "low", "type": "quantitative", "scale": {"domain": [0, 100]}},
                "y2": {"field": "high"},
            },
        }
        for name, low, high in (("risk", 0, WATCH), ("watch", WATCH, GOOD), ("good", GOOD, 100))
    ]


def _line(days: dict[str, Any], language: str, size: Size) -> dict[str, Any]:
    ticks = max(2, size.width // 110)
    shape = "%-m/%-d" if language == "ja" else "%b %-d"
    return {
        "mark": {"type": "line", "strokeWidth": 2, "interpolate": "monotone", "color": "var(--line-strong)"},
        "encoding": {
            "x": {
                **days,
                "title": None,
                "axis": {"tickCount": ticks, "format": shape, "grid": False, "labelFlush": True},
            },
            "y": {
                "field": "score",
                "type": "quantitative",
                "title": None,
                "scale": {"domain": [0, 100]},
                "axis": {"values": [0, WATCH, GOOD, 100]},
            },
            "strokeDash": {
                "field": "basis",
                "type": "nominal",
                "legend": None,
                "scale": {"domain": ["published", "reconstructed"], "range": [[1, 0], [4, 3]]},
            },
        },
    }


def _last(days: dict[str, Any]) -> dict[str, Any]:
    return {
        "transform": [
            {"window": [{"op": "count", "as": "rank"}], "sort": [{"field": "day", "order": "descending"}]},
            {"filter": "datum.rank == 1"},
        ],
        "mark": {"type": "point", "filled": True, "size": 60, "color": "var(--line-strong)", "opacity": 1},
        "encoding": {"x": days, "y": {"field": "score", "type": "quantitative"}},
    }


_CONFIG: Final[dict[str, Any]] = {
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--ink-soft)",
        "labelFontSize": 12,
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "gridColor": "var(--line)",
        "labelPadding": 6,
    },
}
