"""What a dashboard may speak of: metrics and labels that the code declares, series that rules record, alerts, runbooks.

Source: OPERATIONS.md 5, 6.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from deploy.observability.grafana.objectives import OBJECTIVES
from prometheus_client import REGISTRY

from kizashi_common.telemetry import catalogue, log_events
from tests.ops.dashboards_promql import taken_apart
from tests.ops.tools import ROOT

DECLARING: Final = (
    "kizashi_common.telemetry.metrics",
    "kizashi_ingest.metrics",
    "kizashi_health.metrics",
    "kizashi_alerts.metrics",
    "kizashi_gateway.metrics",
    "kizashi_cli.canary.metrics",
)
SERVICES: Final = ("ingest", "health", "alerts", "gateway", "canary")
TRACED: Final = (
    "kizashi_http_request_duration_seconds_bucket",
    "kizashi_health_event_to_score_seconds_bucket",
    "kizashi_alerts_score_to_delivered_seconds_bucket",
)
"""The histograms marked with a diamond in OPERATIONS.md 5: their buckets carry the trace of one observation."""
PARTS: Final = {"s": 1, "ms": 1_000}
OF_THE_TARGET: Final = frozenset(("instance", "job", "__name__"))
BY_PROMETHEUS: Final[Mapping[str, frozenset[str]]] = {
    "ALERTS": frozenset(("alertname", "alertstate", "severity", "service", "slo", "window")),
    "ALERTS_FOR_STATE": frozenset(("alertname", "severity", "service", "slo", "window")),
    "up": frozenset(),
}
"""Series that Prometheus makes itself."""


@dataclass(frozen=True)
class Series:
    """A series name: its labels, whether it only grows, and the values of labels that are closed."""

    labels: frozenset[str]
    counts: bool
    values: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Facts:
    """All that there is to ask for; `numbers` are those in an alert's expression, `words` values of closed
    labels and names in the logs.
    """

    series: Mapping[str, Series]
    numbers: Mapping[str, frozenset[float]]
    runbooks: frozenset[str]
    dashboards: frozenset[str]
    titles: frozenset[str]
    words: frozenset[str]


def known_series() -> dict[str, Series]:
    """Everything that the code declares, the rules record, Prometheus makes, and operators export for our rules."""
    found = {name: Series(labels, False, {}) for name, labels in BY_PROMETHEUS.items()}
    for module in DECLARING:
        importlib.import_module(module)
    for name, collector in REGISTRY._names_to_collectors.items():
        kind = getattr(collector, "_type", "gauge")
        labels = frozenset(getattr(collector, "_labelnames", ()))
        bucket = frozenset(("le",)) if name.endswith("_bucket") else frozenset()
        counts = kind == "counter" or (kind == "histogram" and name.endswith(("_bucket", "_sum", "_count")))
        found[name] = Series(labels | bucket, counts or name == "process_cpu_seconds_total", _values(collector))
    for rule in _rules("platform"):
        taken = taken_apart(rule["expr"])
        others = (one.metric for one in taken.selected if not one.metric.startswith("kizashi_"))
        found |= dict.fromkeys(others, Series(taken.labels, False, {}))
    for rule in _rules("rules"):
        if "record" in rule:
            held = found.get(rule["record"], Series(frozenset(), False, {}))
            found[rule["record"]] = Series(held.labels | {"slo", "source"}, False, {})
    return found


def _values(collector: Any) -> dict[str, frozenset[str]]:
    stated = {label: frozenset(values) for label, values in catalogue.values_of(collector).items()}
    return {"service": frozenset(SERVICES), **stated}


def _rules(*folders: str) -> list[dict[str, Any]]:
    where = ROOT / "deploy" / "observability" / "prometheus"
    files = sorted(file for folder in folders for file in (where / folder).glob("*.yaml"))
    return [rule for file in files for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]


def alert_numbers() -> dict[str, frozenset[float]]:
    """The numbers that matter to each alert: in its expression, its durations left out; for a burn its objective's."""
    found: dict[str, frozenset[float]] = {}
    for rule in _rules("rules", "platform"):
        if "alert" in rule:
            numbers = re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])", rule["expr"])
            products = re.findall(r"(\d+) \* (\d+)", rule["expr"])
            numbers += [str(int(one) * int(other)) for one, other in products]
            found[rule["alert"]] = found.get(rule["alert"], frozenset()) | {float(number) for number in numbers}
    for slo in OBJECTIVES.slos:
        stated = [int(number) / PARTS[unit] for number, unit in re.findall(r"(\d+) (ms|s)\b", slo.good)]
        witness = [slo.witness.bad_above_seconds] if slo.witness else []
        found[slo.alert] = frozenset((*stated, *witness, *(burn.factor for burn in OBJECTIVES.burns)))
    return found


def known_words(series: Mapping[str, Series]) -> frozenset[str]:
    """What a description may name in code's letters: values of closed labels, and what logs can say."""
    values = {value for one in series.values() for closed in one.values.values() for value in closed}
    return frozenset(values | log_events.EVENTS.keys() | log_events.FIELDS.keys())


def runbooks(folder: Path = ROOT / "docs" / "runbooks") -> frozenset[str]:
    """The alerts that have a runbook."""
    return frozenset(path.stem for path in folder.glob("Kizashi*.md"))
