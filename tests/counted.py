"""Reading what the product counted: values as a scrape would find them, and how much they grew."""

from __future__ import annotations

from prometheus_client import REGISTRY


def value(name: str, **labels: str) -> float:
    """A sample's value; 0 where there is no such series."""
    return REGISTRY.get_sample_value(f"kizashi_{name}", labels) or 0.0


class Growth:
    """How much a series grew since this was made."""

    def __init__(self, name: str, **labels: str) -> None:
        self._name = name
        self._labels = labels
        self._before = value(name, **labels)

    def __call__(self) -> float:
        return value(self._name, **self._labels) - self._before


def judged(slo: str) -> tuple[Growth, Growth]:
    """The good and the bad units of an objective from now on."""
    return Growth("sli_total", slo=slo, outcome="good"), Growth("sli_total", slo=slo, outcome="bad")
