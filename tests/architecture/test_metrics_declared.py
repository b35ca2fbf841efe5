"""Every metric is named, explained and labelled as ARCHITECTURE.md 8 says; no identifier is ever a label."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from scripts.sizes import ROOT, sources

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
