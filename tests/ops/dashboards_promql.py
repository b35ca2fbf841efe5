"""Reads PromQL as dashboards hold it: Grafana's variables replaced, then taken apart.

Source: OPERATIONS.md 7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import promql_parser as promql
from deploy.observability.grafana.answers import substituted

STANDING_FOR: Final = {"__rate_interval": "1m", "__interval": "15s", "__range": "1h", "service": ".*", "instance": ".*"}
"""What the variables may stand for when nothing runs."""

GROWTH: Final = frozenset(("rate", "increase", "irate"))
PLAIN: Final = frozenset(("changes", "resets", "absent", "absent_over_time"))
"""Functions that may see a counter as it is, beside those of `GROWTH`."""


class Selected(NamedTuple):
    """One selector: its metric, what it demands of which label, and the functions around it, the outermost first."""

    metric: str
    demands: tuple[tuple[str, str, str], ...]
    inside: tuple[str, ...]


class Taken(NamedTuple):
    """A question taken apart. `labels` are those by which it groups or matches."""

    selected: tuple[Selected, ...]
    labels: frozenset[str]


def taken_apart(question: str) -> Taken:
    """What a question selects and by which labels.

    Raises: ValueError with the parser's words; KeyError for a variable that is not there.
    """
    selected: list[Selected] = []
    labels: set[str] = set()
    _walk(promql.parse(substituted(question, STANDING_FOR)), (), selected, labels)
    return Taken(tuple(selected), frozenset(labels))


def legend_labels(legend: str) -> set[str]:
    """The labels that a legend shows."""
    return set(re.findall(r"{{\s*(\w+)\s*}}", legend))


def _walk(node: Any, inside: tuple[str, ...], selected: list[Selected], labels: set[str]) -> None:
    if isinstance(node, promql.MatrixSelector):
        node = node.vector_selector
    if isinstance(node, promql.VectorSelector):
        demands = tuple((one.name, str(one.op), one.value) for one in node.matchers.matchers)
        selected += [Selected(name, demands, inside) for name in _names(node.name, demands)]
        return
    labels |= _labels(node)
    name = (node.func.name,) if isinstance(node, promql.Call) else ()
    for child in _children(node):
        _walk(child, inside + name, selected, labels)


def _names(name: str | None, demands: tuple[tuple[str, str, str], ...]) -> list[str]:
    if name is not None:
        return [name]
    return [one for label, _, value in demands if label == "__name__" for one in value.split("|")]


def _children(node: Any) -> Iterator[Any]:
    if isinstance(node, promql.Call):
        yield from node.args
    for name in ("lhs", "rhs", "expr", "param"):
        child = getattr(node, name, None)
        if isinstance(child, promql.Expr):
            yield child


def _labels(node: Any) -> set[str]:
    modifier = getattr(node, "modifier", None)
    if isinstance(node, promql.AggregateExpr):
        return set(modifier.labels) if modifier else set()
    if isinstance(node, promql.BinaryExpr) and modifier:
        matching = set(modifier.matching.labels) if modifier.matching else set()
        return matching | set(modifier.group_labels or ())
    return set()
