"""Draws every dashboard from a Prometheus, so that one can judge whether ten seconds are enough without a Grafana.

    python -m deploy.observability.grafana.pictures http://127.0.0.1:9090 FOLDER --minutes 60

A picture shows what Grafana would show in layout, colours, lines and figures; it is no copy of Grafana's rendering.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Final

from deploy.observability.grafana.__main__ import FOLDER
from deploy.observability.grafana.answers import Answer, Source, Span, substituted
from deploy.observability.grafana.model import FULL_WIDTH, Json
from deploy.observability.grafana.pictures.draw import KINDS, Line, legend_of, with_gaps
from deploy.observability.grafana.pictures.looks import CANVAS, EDGE, FAINT, PANEL, TEXT, has_two_axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

COLUMN: Final = 58
ROW: Final = 30
HEAD: Final = 44
Place = tuple[float, float, float, float]
_COLOURS: Final = 128
_DPI: Final = 100


def picture(source: Source, dashboard: Json, span: Span) -> bytes:
    """One dashboard as PNG."""
    high = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"])
    wide, tall = FULL_WIDTH * COLUMN, high * ROW + HEAD
    figure = Figure(figsize=(wide / _DPI, tall / _DPI), dpi=_DPI, facecolor=CANVAS)
    FigureCanvasAgg(figure)
    figure.text(12 / wide, 1 - 26 / tall, dashboard["title"], color=TEXT, fontsize=14, weight="bold")
    values = source.values(dashboard, span)
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        left, top = at["x"] * COLUMN, HEAD + at["y"] * ROW
        if panel["type"] == "row":
            figure.text(10 / wide, 1 - (top + 20) / tall, f"▾ {panel['title']}", color=TEXT, fontsize=10)
            continue
        inside = (left / wide, 1 - (top + at["h"] * ROW) / tall, at["w"] * COLUMN / wide, at["h"] * ROW / tall)
        _panel(figure, panel, inside, list(_lines(source, panel, values, span)), span)
    return _small(figure)


def _panel(figure: Figure, panel: Json, where: Place, lines: Sequence[Line], span: Span) -> None:
    x, y, w, h = where
    pixel_w, pixel_h = w / (panel["gridPos"]["w"] * COLUMN), h / (panel["gridPos"]["h"] * ROW)
    frame = Rectangle(
        (x + 3 * pixel_w, y + 3 * pixel_h), w - 6 * pixel_w, h - 6 * pixel_h, facecolor=PANEL, edgecolor=EDGE,
        linewidth=0.7, transform=figure.transFigure, zorder=-1,
    )  # fmt: skip
    figure.patches.append(frame)
    figure.text(x + 10 * pixel_w, y + h - 19 * pixel_h, panel["title"], color=TEXT, fontsize=8.5)
    left, below = (54, 54) if panel["type"] == "timeseries" else (10, 10)
    left, below = (52, 24) if panel["type"] in ("heatmap", "state-timeline") else (left, below)
    beside = 50 if panel["type"] == "timeseries" and has_two_axes(panel) else 14
    ax = figure.add_axes(
        (x + left * pixel_w, y + below * pixel_h, w - (left + beside) * pixel_w, h - (below + 30) * pixel_h)
    )
    ax.set_facecolor("none")
    if lines or panel["type"] == "table":
        KINDS[panel["type"]](ax, panel, lines, span)
        return
    ax.set_axis_off()
    empty = panel["fieldConfig"]["defaults"].get("noValue", "No data")
    ax.text(0.5, 0.5, empty, color=FAINT, ha="center", va="center", fontsize=11, transform=ax.transAxes)


def _lines(source: Source, panel: Json, values: dict[str, str], span: Span) -> Iterator[Line]:
    for target in panel["targets"]:
        asked = substituted(target["expr"], values)
        answer: Answer = source.now(asked, span) if target["instant"] else source.over(asked, span)
        for labels, points in answer.series:
            at, figures = with_gaps([at for at, _ in points], [value for _, value in points], span.step)
            yield Line(legend_of(target["legendFormat"], labels), labels, at, figures, target["refId"])


def _small(figure: Figure) -> bytes:
    """The figure with few colours, which a dashboard does not miss and a repository does."""
    raw, small = BytesIO(), BytesIO()
    figure.savefig(raw, format="png", facecolor=CANVAS)
    reduced = Image.open(raw).convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    reduced.save(small, format="png", optimize=True)
    return small.getvalue()


def main(arguments: Sequence[str]) -> int:
    """Writes one picture for each dashboard."""
    parser = argparse.ArgumentParser(prog="python -m deploy.observability.grafana.pictures", description=__doc__)
    parser.add_argument("prometheus", help="its address")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--end", type=float, required=True, help="the last moment, in seconds since 1970")
    parser.add_argument("--minutes", type=float, default=60, help="how much of the past (default: 60)")
    parser.add_argument("--rate-seconds", type=int, default=60, help="what $__rate_interval stands for (default: 60)")
    parser.add_argument("--only", nargs="*", help="names of dashboards (default: all)")
    given = parser.parse_args(arguments)
    seconds = given.minutes * 60
    span = Span(given.end - seconds, given.end, max(1.0, round(seconds / 300)), given.rate_seconds)
    given.folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(FOLDER.glob("*.json")):
        if not given.only or file.stem in given.only:
            drawn = picture(Source(given.prometheus), json.loads(file.read_text("utf-8")), span)
            (given.folder / f"{file.stem}.png").write_bytes(drawn)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
