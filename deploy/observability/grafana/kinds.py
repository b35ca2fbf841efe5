"""How each kind of panel is said in Grafana's JSON: one function per kind, for `fieldConfig`, `options`, and the like.

Only what differs from Grafana's defaults, or what its defaults have changed before, is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any

from deploy.observability.grafana.model import (
    Column,
    Heatmap,
    Json,
    Line,
    Meaning,
    Panel,
    Query,
    Stat,
    State,
    Table,
    TimeSeries,
)

RUNBOOKS = "${kizashi_url}/runbooks/"
"""Where the gateway serves them; the variable is the installation's own address."""


@singledispatch
def body(panel: Panel) -> Json:
    """The part of a panel's JSON that only its kind knows: at least `type`, `fieldConfig`, `options`."""
    raise TypeError(f"no kind of panel: {type(panel).__name__}")


@body.register
def _(panel: TimeSeries) -> Json:
    custom: Json = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 60 if panel.stacked else 8,
        "showPoints": "auto",
        "pointSize": 4,
        "spanNulls": False,
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if panel.lines else "off"},
        "axisPlacement": "auto",
        "scaleDistribution": {"type": "linear"},
    }
    if panel.least_top is not None:
        custom["axisSoftMax"] = panel.least_top
    defaults = {**_defaults(panel), "min": 0, "color": {"mode": "palette-classic"}, "custom": custom}
    if panel.top is not None:
        defaults["max"] = panel.top
    coloured = [_override(name, color={"mode": "fixed", "fixedColor": to}) for name, to in panel.colours.items()]
    others = [_override(name, unit=unit, **{"custom.axisPlacement": "right"}) for name, unit in panel.unit_of.items()]
    legend = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
    return {
        "type": "timeseries",
        "fieldConfig": {"defaults": defaults, "overrides": [*coloured, *others]},
        "options": {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}},
    }


@body.register
def _(panel: Stat) -> Json:
    defaults = {**_defaults(panel), "color": {"mode": "thresholds"}, "mappings": _mappings(panel.meanings)}
    overrides = [
        _override(name, links=[{"title": f"Open {to}", "url": f"/d/kizashi-{to}?${{__url_time_range}}"}])
        for name, to in panel.leads_to.items()
    ]
    return {
        "type": "stat",
        "fieldConfig": {"defaults": defaults, "overrides": overrides},
        "options": {
            "colorMode": "background_solid" if panel.filled else "value",
            "graphMode": "area" if panel.trend else "none",
            "textMode": "value_and_name" if panel.named else "value",
            "orientation": "horizontal" if panel.rows else "vertical",
            "justifyMode": "center" if panel.filled else "auto",
            "wideLayout": True,
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        },
    }


@body.register
def _(panel: Heatmap) -> Json:
    defaults = {**_defaults(panel), "custom": {"scaleDistribution": {"type": "linear"}}}
    colour = {"mode": "scheme", "scheme": "Oranges", "exponent": 0.5, "steps": 64, "reverse": False}
    return {
        "type": "heatmap",
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {
            "calculate": False,
            "cellGap": 1,
            "color": colour,
            "exemplars": {"color": "rgba(255,0,255,0.7)"},
            "filterValues": {"le": 1e-9},
            "legend": {"show": False},
            "rowsFrame": {"layout": "auto"},
            "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": False},
            "yAxis": {"axisPlacement": "left", "unit": panel.unit, "reverse": False},
        },
    }


@body.register
def _(panel: Table) -> Json:
    defaults = {
        **_defaults(panel),
        "color": {"mode": "thresholds"},
        "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False},
    }
    wanted = [column.of for column in panel.columns]
    return {
        "type": "table",
        "fieldConfig": {"defaults": defaults, "overrides": [_column(column) for column in panel.columns]},
        "options": {
            "showHeader": True,
            "cellHeight": "sm",
            "sortBy": [{"displayName": panel.sort_by, "desc": not panel.ascending}],
        },
        "transformations": [
            {"id": "merge", "options": {}},
            {"id": "filterFieldsByName", "options": {"include": {"names": wanted}}},
            {
                "id": "organize",
                "options": {
                    "indexByName": {name: index for index, name in enumerate(wanted)},
                    "renameByName": {column.of: column.title for column in panel.columns},
                },
            },
        ],
    }


@body.register
def _(panel: State) -> Json:
    defaults = {
        **_defaults(panel),
        "color": {"mode": "thresholds"},
        "mappings": _mappings(panel.meanings),
        "custom": {"fillOpacity": 80, "lineWidth": 0},
    }
    return {
        "type": "state-timeline",
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {
            "mergeValues": True,
            "showValue": "never",
            "rowHeight": 0.85,
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "single", "sort": "none"},
        },
    }


def target(panel: Panel, query: Query, letter: str) -> Json:
    """One question as the Prometheus data source reads it."""
    instant = isinstance(panel, Table) or (isinstance(panel, Stat) and not panel.trend)
    form = {Table: "table", Heatmap: "heatmap"}.get(type(panel), "time_series")
    return {
        "refId": letter,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "editorMode": "code",
        "expr": query.expr,
        "legendFormat": query.legend or "__auto",
        "format": form,
        "instant": instant,
        "range": not instant,
        "exemplar": query.exemplars,
    }


def _defaults(panel: Panel) -> Json:
    defaults: Json = {"unit": panel.unit, "thresholds": _thresholds(panel.calm, panel.lines)}
    if panel.decimals is not None:
        defaults["decimals"] = panel.decimals
    if panel.none:
        defaults["noValue"] = panel.none
    return defaults


def _thresholds(calm: str, lines: Sequence[Line]) -> Json:
    steps: list[Json] = [{"color": calm, "value": None}]
    steps += [{"color": line.colour, "value": line.value} for line in sorted(lines, key=lambda line: line.value)]
    return {"mode": "absolute", "steps": steps}


def _mappings(meanings: Mapping[int, Meaning]) -> list[Json]:
    options = {
        str(value): {"text": meaning.word, "color": meaning.colour, "index": index}
        for index, (value, meaning) in enumerate(meanings.items())
    }
    return [{"type": "value", "options": options}] if options else []


def _override(name: str, **properties: Any) -> Json:
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": key, "value": value} for key, value in properties.items()],
    }


def _column(column: Column) -> Json:
    properties: Json = {}
    if column.unit:
        properties["unit"] = column.unit
    if column.width is not None:
        properties["custom.width"] = column.width
    if column.lines:
        properties["thresholds"] = _thresholds("transparent", column.lines)
    if column.words:
        options = {word: {"color": to, "index": index} for index, (word, to) in enumerate(column.words.items())}
        properties["mappings"] = [{"type": "value", "options": options}]
    if column.lines or column.words:
        properties["custom.cellOptions"] = {"type": "color-background", "mode": "basic"}
    if column.alert_link:
        properties["links"] = [{"title": "Runbook", "url": f"{RUNBOOKS}${{__value.raw}}", "targetBlank": True}]
    return _override(column.title, **properties)
