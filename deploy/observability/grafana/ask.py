"""The questions that dashboards ask again and again, in PromQL.

Every rate is taken over `$__rate_interval`, which Grafana makes from the scrape interval and the width of the picture:
never too short for two samples, never so long that a fault is smoothed away.

Source: OPERATIONS.md 5, 7.
"""

from __future__ import annotations

from typing import Final

SHARED: Final = 'service=~"$service",instance=~"$instance"'
"""Selects a metric that several services share."""
OWN: Final = 'instance=~"$instance"'
"""Selects a metric that one service alone has."""

_SPAN: Final = "[$__rate_interval]"


def per_second(metric: str, by: str = "", where: str = OWN) -> str:
    """How fast a counter grows."""
    return f"sum{_by(by)} (rate({metric}{{{where}}}{_SPAN}))"


def grown(metric: str, by: str = "", where: str = OWN, over: str = "$__rate_interval") -> str:
    """By how much a counter grew over the time before each point."""
    return f"sum{_by(by)} (increase({metric}{{{where}}}[{over}]))"


def quantile(share: float, metric: str, by: str = "", where: str = OWN) -> str:
    """The value that this share of a histogram's observations does not exceed."""
    buckets = ", ".join(part for part in (by, "le") if part)
    return f"histogram_quantile({share}, sum by ({buckets}) (rate({metric}_bucket{{{where}}}{_SPAN})))"


def mean(metric: str, by: str = "", where: str = OWN) -> str:
    """The mean of a histogram's observations."""
    return f"{per_second(f'{metric}_sum', by, where)} / {per_second(f'{metric}_count', by, where)}"


def worst(metric: str, by: str = "", where: str = OWN) -> str:
    """The largest of a gauge's series."""
    return f"max{_by(by)} ({metric}{{{where}}})"


def total(metric: str, by: str = "", where: str = OWN) -> str:
    """The sum of a gauge's series."""
    return f"sum{_by(by)} ({metric}{{{where}}})"


def or_zero(question: str) -> str:
    """The same, with 0 where there is nothing to sum: a stopped flow is a fall to 0 and not a gap."""
    return f"{question} or vector(0)"


def _by(labels: str) -> str:
    return f" by ({labels})" if labels else ""
