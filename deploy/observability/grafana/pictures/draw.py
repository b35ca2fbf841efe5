"""Draws one panel of each kind into a rectangle, from the answers to its questions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import cycle
from math import isfinite, nan
from typing import Any, Final, NamedTuple

import numpy as np
from deploy.observability.grafana.answers import Span
from deploy.observability.grafana.model import Json
from deploy.observability.grafana.pictures.looks import EDGE, FAINT, NAMED, PALETTE, TEXT, colour_at, meaning, own, said
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

_MOST_LEGENDS: Final = 12


class Line(NamedTuple):
    """One series with its legend and labels; times in seconds since 1970."""

    legend: str
    labels: Mapping[str, str]
    at: Sequence[float]
    values: Sequence[float]
    letter: str


Drawing = Callable[[Axes, Json, Sequence[Line], Span], None]


def legend_of(template: str, labels: Mapping[str, str]) -> str:
    """The legend of a series, as Grafana fills it."""
    if template == "__auto":
        return ", ".join(value for value in labels.values()) or "value"
    return re.sub(r"{{\s*(\w+)\s*}}", lambda found: labels.get(found[1], ""), template)


def timeseries(ax: Axes, panel: Json, lines: Sequence[Line], span: Span) -> None:
    """Lines, or stacked areas; dashed lines where an alert waits; the legend below."""
    defaults = panel["fieldConfig"]["defaults"]
    custom = defaults["custom"]
    right = [line for line in lines if "unit" in own(panel, line.legend)]
    left = [line for line in lines if line not in right]
    colours = _colours(panel, lines)
    stacked = custom["stacking"]["mode"] == "normal"
    if stacked and left:
        _stack(ax, left, colours)
    else:
        _plain(ax, left, colours)
    top = max([defaults.get("max", 0), custom.get("axisSoftMax", 0), *_values(left, stacked=stacked)])
    ax.set_ylim(0, defaults.get("max") or (top * 1.08 or 1))
    for step in defaults["thresholds"]["steps"][1:]:
        if custom["thresholdsStyle"]["mode"] == "dashed" and step["value"] <= ax.get_ylim()[1]:
            ax.axhline(step["value"], color=NAMED[step["color"]], linestyle="--", linewidth=0.9)
    _axis(ax, span, defaults["unit"])
    if right:
        other = ax.twinx()
        _plain(other, right, colours)
        other.set_ylim(0, max(_values(right)) * 1.1 or 1)
        _axis(other, span, own(panel, right[0].legend)["unit"])
        other.grid(visible=False)
    _legend(ax, lines, colours)


def stat(ax: Axes, panel: Json, lines: Sequence[Line], span: Span) -> None:
    """Large figures beside or below each other, on their colour or in it."""
    ax.set_axis_off()
    defaults, options = panel["fieldConfig"]["defaults"], panel["options"]
    below = options["orientation"] == "horizontal"
    for index, line in enumerate(lines):
        share = 1 / len(lines)
        x, y, w, h = (0.0, 1 - (index + 1) * share, 1.0, share) if below else (index * share, 0.0, share, 1.0)
        cell = ax.inset_axes((x + 0.004, y + 0.02, w - 0.008, h - 0.04))
        cell.set_axis_off()
        value = line.values[-1]
        word, colour = meaning(value, defaults.get("mappings", ())) or (
            said(value, defaults["unit"], defaults.get("decimals")),
            colour_at(value, defaults["thresholds"]),
        )
        filled = options["colorMode"] != "value"
        if filled:
            cell.add_patch(_whole(cell, colour))
        if options["graphMode"] == "area":
            _spark(cell, line, colour)
        named = line.legend if options["textMode"] == "value_and_name" else ""
        _figure(cell, word, named, colour, across=below, filled=filled)


def heatmap(ax: Axes, panel: Json, lines: Sequence[Line], span: Span) -> None:
    """Each bucket's own count, the cumulative ones below it taken off."""
    ordered = sorted((line for line in lines if line.labels["le"] != "+Inf"), key=lambda line: float(line.labels["le"]))
    if ordered:
        times = sorted({at for line in ordered for at in line.at})
        held = [dict(zip(line.at, line.values, strict=True)) for line in ordered]
        counts = np.array([[one.get(at, 0.0) for at in times] for one in held])
        own_counts = np.diff(counts, axis=0, prepend=0).clip(min=0)
        shown = np.ma.masked_less_equal(own_counts, 1e-9) ** 0.5
        ax.pcolormesh(times, range(len(ordered)), shown, cmap="YlOrBr_r", shading="nearest")
        ax.set_yticks(range(len(ordered)), [said(float(line.labels["le"]), "s") for line in ordered])
    _axis(ax, span, None)


def table(ax: Axes, panel: Json, lines: Sequence[Line], span: Span) -> None:
    """The rows that are true at the end, in the panel's order."""
    ax.set_axis_off()
    defaults, columns, rows = panel["fieldConfig"]["defaults"], _columns(panel), _rows(lines)
    if not rows:
        ax.text(0.5, 0.5, defaults.get("noValue", "No data"), color=FAINT, ha="center", va="center", fontsize=11)
        return
    by = panel["options"]["sortBy"][0]
    field = next(name for name, title in columns.items() if title == by["displayName"])
    rows.sort(key=lambda row: row.get(field, ""), reverse=by["desc"])
    starts, step = _starts(panel, columns), 0.105 * 7 / panel["gridPos"]["h"]
    for title, x in zip(columns.values(), starts, strict=True):
        ax.text(x, 1, title, color=FAINT, fontsize=7.5, va="top")
    for number, row in enumerate(rows[: int(0.95 / step)]):
        for (name, title), x in zip(columns.items(), starts, strict=True):
            text, colour = _cell(row.get(name, ""), own(panel, title), defaults)
            ax.text(x, 1 - (number + 1) * step, text, color=colour, fontsize=8, va="top", clip_on=True)


def state(ax: Axes, panel: Json, lines: Sequence[Line], span: Span) -> None:
    """A band for each series, in the colour of what it was when."""
    mappings = panel["fieldConfig"]["defaults"]["mappings"]
    for number, line in enumerate(reversed(lines)):
        colours = [(meaning(value, mappings) or ("", FAINT))[1] for value in line.values]
        bars = [(at, span.step) for at in line.at]
        ax.broken_barh(bars, (number - 0.4, 0.8), facecolors=colours, linewidth=0)
    ax.set_yticks(range(len(lines)), [line.legend for line in reversed(lines)])
    _axis(ax, span, None)


KINDS: Final[Mapping[str, Drawing]] = {
    "timeseries": timeseries,
    "stat": stat,
    "heatmap": heatmap,
    "table": table,
    "state-timeline": state,
}


def _values(lines: Sequence[Line], *, stacked: bool = False) -> list[float]:
    if stacked:
        sums: dict[float, float] = {}
        for line in lines:
            for at, value in zip(line.at, line.values, strict=True):
                sums[at] = sums.get(at, 0) + (value if isfinite(value) else 0)
        return [*sums.values(), 0]
    return [0, *(value for line in lines for value in line.values if isfinite(value))]


def _colours(panel: Json, lines: Sequence[Line]) -> dict[str, str]:
    palette = cycle(PALETTE)
    found = {}
    for line in lines:
        fixed = own(panel, line.legend).get("color")
        found[line.legend] = NAMED[fixed["fixedColor"]] if fixed else next(palette)
    return found


def _plain(ax: Axes, lines: Sequence[Line], colours: Mapping[str, str]) -> None:
    for line in lines:
        ax.plot(line.at, line.values, color=colours[line.legend], linewidth=1.1)
        ax.fill_between(line.at, line.values, color=colours[line.legend], alpha=0.08, linewidth=0)


def with_gaps(at: Sequence[float], values: Sequence[float], step: float) -> tuple[list[float], list[float]]:
    """The same points, with a hole where points are missing: a line across it would claim what nobody measured."""
    times, figures = list(at[:1]), list(values[:1])
    for before, now, value in zip(at, at[1:], values[1:], strict=False):
        if now - before > 1.5 * step:
            times.append(before + step)
            figures.append(nan)
        times.append(now)
        figures.append(value)
    return times, figures


def _stack(ax: Axes, lines: Sequence[Line], colours: Mapping[str, str]) -> None:
    times = sorted({at for line in lines for at in line.at})
    held = [dict(zip(line.at, line.values, strict=True)) for line in lines]
    values = np.nan_to_num(np.array([[one.get(at, 0.0) for at in times] for one in held]))
    ax.stackplot(times, values, colors=[colours[line.legend] for line in lines], alpha=0.65, linewidth=0)


def _legend(ax: Axes, lines: Sequence[Line], colours: Mapping[str, str]) -> None:
    names = list(dict.fromkeys(line.legend for line in lines))
    shown = names[:_MOST_LEGENDS]
    handles = [ax.plot([], [], color=colours[name], linewidth=3)[0] for name in shown]
    if len(names) > len(shown):
        shown[-1] = f"… {len(names) - len(shown) + 1} more"
    if shown:
        corner = (-44 / ax.bbox.width, -20 / ax.bbox.height)
        ax.legend(
            handles, shown, loc="upper left", bbox_to_anchor=corner, ncols=3, fontsize=6.5, frameon=False,
            labelcolor=TEXT, handlelength=1, columnspacing=1, borderaxespad=0.2, labelspacing=0.2,
        )  # fmt: skip


def _axis(ax: Axes, span: Span, unit: str | None) -> None:
    ax.set_xlim(span.start, span.end)
    ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"))
    if unit is not None:
        ax.yaxis.set_major_locator(MaxNLocator(4))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: said(value, unit)))
    ax.tick_params(colors=FAINT, labelsize=6.5, length=0)
    ax.grid(color=EDGE, linewidth=0.5)
    ax.set_facecolor("none")
    for side in ax.spines.values():
        side.set_visible(False)


def _whole(cell: Axes, colour: str) -> Rectangle:
    return Rectangle((0, 0), 1, 1, color=colour, transform=cell.transAxes)


def _spark(cell: Axes, line: Line, colour: str) -> None:
    cell.fill_between(line.at, np.nan_to_num(line.values), color=colour, alpha=0.25, linewidth=0)
    cell.set_xlim(min(line.at), max(line.at))
    cell.set_ylim(0, (max(np.nan_to_num(line.values)) or 1) * 2.2)


def _figure(cell: Axes, word: str, named: str, colour: str, *, across: bool, filled: bool) -> None:
    ink = "#ffffff" if filled else colour
    place: dict[str, Any] = {"transform": cell.transAxes, "va": "center", "clip_on": True}
    if across:
        cell.text(0.02, 0.5, named, color=TEXT, fontsize=9, **place)
        cell.text(0.98, 0.5, word, color=ink, fontsize=17, ha="right", **place)
    elif named:
        cell.text(0.5, 0.75, named, color="#ffffff" if filled else TEXT, fontsize=10, ha="center", **place)
        cell.text(0.5, 0.36, word, color=ink, fontsize=21, weight="bold", ha="center", **place)
    else:
        cell.text(0.5, 0.6, word, color=ink, fontsize=20, ha="center", **place)


def _columns(panel: Json) -> dict[str, str]:
    organised = next(one for one in panel["transformations"] if one["id"] == "organize")["options"]
    renamed: dict[str, str] = organised["renameByName"]
    return dict(sorted(renamed.items(), key=lambda item: organised["indexByName"][item[0]]))


def _rows(lines: Sequence[Line]) -> list[dict[str, Any]]:
    merged: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}
    several = len({line.letter for line in lines}) > 1
    for line in lines:
        row = merged.setdefault(tuple(sorted(line.labels.items())), dict(line.labels))
        row[f"Value #{line.letter}" if several else "Value"] = line.values[-1]
    return list(merged.values())


def _starts(panel: Json, columns: Mapping[str, str]) -> list[float]:
    whole = panel["gridPos"]["w"] * 58
    fixed = {title: own(panel, title).get("custom.width") for title in columns.values()}
    known = [width for width in fixed.values() if width]
    rest = (whole - sum(known)) / max(1, len(fixed) - len(known))
    starts, x = [], 0.0
    for width in fixed.values():
        starts.append(x / whole)
        x += width or rest
    return starts


def _cell(value: Any, column: Mapping[str, Any], defaults: Json) -> tuple[str, str]:
    if isinstance(value, str):
        words = [mapping["options"].get(value) for mapping in column.get("mappings", ())]
        return value[:42], NAMED[words[0]["color"]] if words and words[0] else TEXT
    colour = colour_at(value, column["thresholds"]) if "thresholds" in column else NAMED["transparent"]
    return said(value, column.get("unit", defaults["unit"])), TEXT if colour == NAMED["transparent"] else colour
