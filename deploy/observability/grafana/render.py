"""From a dashboard to Grafana's JSON: the grid, the variables, the links, the mark of a new version.

Written in the classic model at the schema version of Grafana 12.1, which `deploy/images.yaml` names: a newer Grafana
migrates upwards by itself, an older one need not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import ascii_uppercase
from typing import Final

from deploy.observability.grafana.kinds import RUNBOOKS, body, target
from deploy.observability.grafana.model import FULL_WIDTH, Dashboard, Json, Panel, Row

SCHEMA_VERSION: Final = 41
TAG: Final = "kizashi"
SOURCE: Final[Json] = {"type": "prometheus", "uid": "${datasource}"}
LOCAL: Final = "http://127.0.0.1:7300"
"""Kizashi's address where none is given, as in the alerts' links; `var-kizashi_url=` in a link gives another."""
_ON_TIME_RANGE_CHANGE: Final = 2


def render(dashboard: Dashboard) -> Json:
    """The whole file, the same for the same dashboard."""
    return {
        "id": None,
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": [TAG],
        "editable": False,
        "graphTooltip": 1,
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "refresh": "15s" if dashboard.name == "overview" else "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": list(_variables(dashboard.service))},
        "annotations": {"list": [_new_versions()]},
        "links": [_other_dashboards()],
        "panels": list(_placed(dashboard.rows)),
    }


def _placed(rows: Sequence[Row]) -> Iterator[Json]:
    """Rows below each other; in a row from left to right, and on below what is highest in the line.

    A closed row holds its panels; the panels of an open one follow it, as Grafana wants.
    """
    number, top = 0, 0
    for row in rows:
        number += 1
        header = {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": row.closed,
            "gridPos": {"x": 0, "y": top, "w": FULL_WIDTH, "h": 1},
        }
        panels = []
        for panel, x, y in _flow(row.panels, top + 1):
            number += 1
            panels.append(_panel(panel, number, x, y))
        bottom = max((p["gridPos"]["y"] + p["gridPos"]["h"] for p in panels), default=top + 1)
        yield {**header, "panels": panels if row.closed else []}
        yield from [] if row.closed else panels
        top = top + 1 if row.closed else bottom


def _flow(panels: Sequence[Panel], top: int) -> Iterator[tuple[Panel, int, int]]:
    x, highest = 0, 0
    for panel in panels:
        if x + panel.width > FULL_WIDTH:
            x, top, highest = 0, top + highest, 0
        yield panel, x, top
        x, highest = x + panel.width, max(highest, panel.height)


def _panel(panel: Panel, number: int, x: int, y: int) -> Json:
    return {
        "id": number,
        "title": panel.title,
        "description": describe(panel),
        "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "links": [
            {"title": f"Runbook {alert}", "url": f"{RUNBOOKS}{alert}", "targetBlank": True} for alert in panel.alerts()
        ],
        "targets": [
            target(panel, query, letter) for query, letter in zip(panel.queries, ascii_uppercase, strict=False)
        ],
        **body(panel),
    }


def _variables(service: str) -> Iterator[Json]:
    yield {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
        "regex": "",
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
    }
    if service:
        fixed = {"text": service, "value": service, "selected": True}
        yield {
            "name": "service",
            "type": "constant",
            "query": service,
            "hide": 2,
            "skipUrlSync": True,
            "current": fixed,
            "options": [fixed],
        }
    else:
        yield _choice("service", "label_values(kizashi_build_info, service)")
    yield _choice("instance", 'label_values(kizashi_build_info{service=~"$service"}, instance)')
    local = {"text": LOCAL, "value": LOCAL, "selected": True}
    yield {"name": "kizashi_url", "type": "textbox", "query": LOCAL, "hide": 2, "current": local, "options": [local]}


def _choice(name: str, query: str) -> Json:
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": SOURCE,
        "definition": query,
        "query": {"query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "refresh": _ON_TIME_RANGE_CHANGE,
        "sort": 1,
        "regex": "",
        "hide": 0,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"text": ["All"], "value": ["$__all"]},
        "options": [],
    }


def _new_versions() -> Json:
    """A mark where a version or commit begins that was not there two minutes before."""
    now, before = (f"max by (service, version, commit) (kizashi_build_info{at})" for at in ("", " offset 2m"))
    return {
        "name": "New versions",
        "enable": True,
        "hide": False,
        "iconColor": "blue",
        "datasource": SOURCE,
        "expr": f"{now} unless {before}",
        "step": "60s",
        "titleFormat": "{{service}} {{version}}",
        "textFormat": "commit {{commit}}",
        "tagKeys": "service",
    }


def _other_dashboards() -> Json:
    return {
        "title": "Kizashi",
        "type": "dashboards",
        "tags": [TAG],
        "asDropdown": False,
        "includeVars": False,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
    }


def describe(panel: Panel) -> str:
    """What bad looks like, what to do, and where it is written down."""
    text = f"**Bad:** {panel.bad}\n\n**Do:** {panel.do}"
    alerts = panel.alerts()
    if alerts:
        text += "\n\n" + " · ".join(f"[{alert}]({RUNBOOKS}{alert})" for alert in alerts)
    return text
