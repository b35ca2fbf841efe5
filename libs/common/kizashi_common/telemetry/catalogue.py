"""Metrics with closed labels: every value is stated where the metric is declared, and its series exists from the start.

A rate over a series that does not exist yet is absent and not zero, so an alert on the first failure would miss it.

Source: OPERATIONS.md 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from types import ModuleType
from typing import NamedTuple, TypeVar

from prometheus_client import Counter, Gauge, Histogram

Metric = Counter | Gauge | Histogram
M = TypeVar("M", Counter, Gauge, Histogram)

_values: dict[Metric, dict[str, tuple[str, ...]]] = {}


def closed(metric: M, **values: Iterable[str]) -> M:
    """States all values that labels of a metric can have; those not named stay open.

    With every label stated, all series exist from here on. Otherwise `exist` makes them once the rest is known.
    """
    _values[metric] = {label.rstrip("_"): tuple(listed) for label, listed in values.items()}
    if len(values) == len(labels_of(metric)):
        exist(metric)
    return metric


def values_of(metric: Metric) -> Mapping[str, Sequence[str]]:
    """The stated values of a metric's closed labels."""
    return _values.get(metric, {})


def labels_of(metric: Metric) -> tuple[str, ...]:
    """The names of a metric's labels, in their order."""
    return tuple(metric._labelnames)


def exist(metric: Metric, **given: str | Iterable[str]) -> None:
    """Makes every series of a metric exist: of the labels given here, and of all values of its closed ones."""
    known = {**values_of(metric), **{label: _listed(value) for label, value in given.items()}}
    for combination in product(*(known[label] for label in labels_of(metric))):
        metric.labels(*combination)


def _listed(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


class Described(NamedTuple):
    """A metric as a reader of metrics sees it. `buckets` is empty for what has none."""

    name: str
    kind: str
    labels: tuple[str, ...]
    values: Mapping[str, Sequence[str]]
    buckets: tuple[float, ...]
    help: str


def described(metric: Metric) -> Described:
    """What a metric is."""
    family = next(iter(metric.describe()))
    name = f"{family.name}_total" if family.type == "counter" else family.name
    buckets = tuple(metric._kwargs["buckets"]) if isinstance(metric, Histogram) else ()
    return Described(
        name, family.type, labels_of(metric), values_of(metric), tuple(map(float, buckets)), family.documentation
    )


def metrics_of(module: ModuleType) -> list[Metric]:
    """The metrics that a module names, in the order in which it does."""
    return [value for value in vars(module).values() if isinstance(value, Counter | Gauge | Histogram)]
