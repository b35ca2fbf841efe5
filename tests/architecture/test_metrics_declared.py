"""Every metric is named, explained and labelled as ARCHITECTURE.md 8 says; no identifier is ever a label.

docs/reference/metrics.md, the declarations and the registry of a process are compared with each other, both ways.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.registry import REGISTRY
from scripts import metrics_page
from scripts.sizes import ROOT, sources

from kizashi_common.telemetry.catalogue import Described

KINDS: Final = frozenset(("Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"))
IDENTIFIERS: Final = frozenset(
    ("workspace", "account", "user", "member", "source", "event", "event_id", "rule", "endpoint")
).union(("path", "host", "url", "key", "email", "id", "name", "error"))


class Declared(NamedTuple):
    """A metric as its declaration says."""

    where: str
    kind: str
    name: str
    help: str
    labels: tuple[str, ...]


def declared(path: Path) -> list[Declared]:
    """The metrics that a module declares.

    Raises: AssertionError when name, help or labels are computed: what cannot be read here cannot be found by an
    operator either.
    """
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS):
            continue
        where = f"{path.relative_to(ROOT)}:{node.lineno}"
        stated = dict(zip(("name", "documentation", "labelnames"), node.args, strict=False))
        stated |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        values = {}
        for argument in ("name", "documentation", "labelnames"):
            try:
                values[argument] = ast.literal_eval(stated[argument]) if argument in stated else ()
            except ValueError:
                pytest.fail(f"{where}: {argument} is not written out")
        found.append(
            Declared(where, node.func.id, values["name"], values["documentation"], tuple(values["labelnames"]))
        )
    return found


def _modules() -> list[Path]:
    return [path for path in sources() if path.name == "metrics.py"]


ALL: Final = [metric for path in _modules() for metric in declared(path)]


def test_there_are_metrics() -> None:
    assert ALL


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_a_metric_is_declared_as_the_house_says(metric: Declared) -> None:
    assert metric.name.startswith("kizashi_"), "names carry our prefix"
    assert metric.help.strip(), "help is for whoever is on call"
    assert (metric.kind == "Counter") == metric.name.endswith("_total"), "counters, and they alone, end in _total"
    assert not metric.name.endswith(("_ms", "_milliseconds", "_minutes")), "base units: seconds, bytes"
    assert not IDENTIFIERS.intersection(metric.labels), "an identifier as a label grows without bound"


def test_a_name_is_declared_once() -> None:
    names = [metric.name for metric in ALL]
    assert sorted(names) == sorted(set(names))


def test_metrics_are_declared_in_metrics_py_alone() -> None:
    elsewhere = [
        path for path in sources() if path.name != "metrics.py" and "prometheus_client import" in path.read_text()
    ]
    declaring = [found.where for path in elsewhere for found in declared(path)]
    assert declaring == []


# -- the page, the declarations, the registry

CATALOGUE: Final = {metric.name: metric for group in metrics_page.catalogue() for metric in group.metrics}
OPEN: Final = frozenset(re.findall(r"\w+", " ".join(metrics_page.OPEN)))
ALLOWED: Final = OPEN.union(
    ("slo", "outcome", "state", "reason", "against", "level"),
    ("dialect", "action", "warning", "form"),
    ("phase", "table", "band", "from", "to", "heat", "handling", "invariant"),
    ("result", "kind", "severity", "how", "upstream", "leg"),
)
"""The keys of OPERATIONS.md 5, of what exists."""
NOT_OURS: Final = ("process_", "python_")


def strangers(registry: CollectorRegistry, catalogue: dict[str, Described]) -> list[str]:
    """What a registry holds and the catalogue does not: a name, a type, a label, a closed label's value, a bucket."""
    found = []
    for family in registry.collect():
        if family.name.startswith(NOT_OURS):
            continue
        name = f"{family.name}_total" if family.type == "counter" else family.name
        known = catalogue.get(name)
        if known is None or known.kind != family.type:
            found.append(f"{name}: a {family.type} that is not in the catalogue")
            continue
        found += [f"{name}: {fault}" for sample in family.samples for fault in _foreign(sample.labels, known)]
    return found


def _foreign(labels: dict[str, str], known: Described) -> list[str]:
    bound = labels.get("le")
    keys = tuple(key for key in labels if key != "le")
    faults = [] if set(keys) == set(known.labels) else [f"has the labels {keys}"]
    faults += [
        f"{key} is {labels[key]}" for key in keys if key in known.values and labels[key] not in known.values[key]
    ]
    if bound not in (None, "+Inf") and float(str(bound)) not in known.buckets:
        faults.append(f"has a bucket up to {bound}")
    return faults


def test_the_page_is_what_the_declarations_say() -> None:
    assert metrics_page.PAGE.read_text(encoding="utf-8") == metrics_page.page(), "run python -m scripts.metrics_page"


def test_a_page_that_is_not_current_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stale = tmp_path / "metrics.md"
    stale.write_text(metrics_page.page().replace("kizashi_ready", "kizashi_steady"), encoding="utf-8")
    monkeypatch.setattr(metrics_page, "PAGE", stale)
    assert metrics_page.main(["--check"]) == 1
    assert metrics_page.main([]) == 0
    assert metrics_page.main(["--check"]) == 0


def test_the_catalogue_holds_all_that_is_declared() -> None:
    assert set(CATALOGUE) == {metric.name for metric in ALL}


def test_everything_in_this_process_is_in_the_catalogue() -> None:
    assert strangers(REGISTRY, CATALOGUE) == []


@pytest.mark.parametrize("metric", CATALOGUE.values(), ids=lambda metric: metric.name)
def test_a_label_is_on_the_list_and_closed_unless_the_page_says_what_it_holds(metric: Described) -> None:
    assert set(metric.labels) <= ALLOWED
    assert set(metric.values) <= set(metric.labels)
    assert {label for label in metric.labels if label not in metric.values} <= OPEN
    if metric.kind == "histogram":
        assert metric.buckets in metrics_page.BUCKETS, "buckets are those of OPERATIONS.md 5"


def test_planted_strangers_are_found() -> None:
    registry = CollectorRegistry()
    Counter("kizashi_surprises", "Not declared", registry=registry)
    Counter("kizashi_log_records", "Too much told", ["service", "level", "workspace"], registry=registry).labels(
        "health", "loud", "demo"
    )
    Histogram("kizashi_health_sweep_seconds", "Other buckets", buckets=(3.0,), registry=registry)
    assert strangers(registry, CATALOGUE) == [
        "kizashi_surprises_total: a counter that is not in the catalogue",
        "kizashi_log_records_total: has the labels ('service', 'level', 'workspace')",
        "kizashi_log_records_total: level is loud",
        "kizashi_health_sweep_seconds: has a bucket up to 3.0",
    ]
