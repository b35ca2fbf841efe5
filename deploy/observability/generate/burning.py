"""The burn-rate alerts: one name per objective, one rule per pair of windows.

A pair fires while both windows burn too fast: the long one proves that it matters, the short one that it still goes on.
The units that services judged speak only where there were enough of them; a witness always does.

Source: OPERATIONS.md 6.1.
"""

from __future__ import annotations

from typing import Any

from deploy.observability.generate.links import dashboard_url, runbook_url
from deploy.observability.generate.slo import Burn, Objectives, Slo, number


def burning(objectives: Objectives) -> dict[str, Any]:
    """The whole rule file."""
    return {
        "groups": [
            {"name": f"burn-{slo.name}", "rules": [_alert(slo, burn, objectives) for burn in objectives.burns]}
            for slo in objectives.slos
        ]
    }


def limit(slo: Slo, burn: Burn) -> float:
    """The share of bad units above which this pair of windows burns too fast."""
    return round(burn.factor * slo.allowed, 9)


def _alert(slo: Slo, burn: Burn, objectives: Objectives) -> dict[str, Any]:
    return {
        "alert": slo.alert,
        "expr": _expression(slo, burn, objectives.least_units),
        "for": burn.lasting,
        "labels": {"severity": burn.severity, "service": slo.service, "slo": slo.name, "window": burn.long},
        "annotations": {
            "summary": f"{slo.title} burns its error budget more than {number(burn.factor)} times too fast",
            "description": _description(slo, burn, objectives.days),
            "dashboard_url": dashboard_url("overview"),
            "runbook_url": runbook_url(slo.alert),
        },
    }


def _expression(slo: Slo, burn: Burn, least_units: int) -> str:
    guard = f'sum(increase(kizashi_sli_total{{slo="{slo.name}"}}[{burn.long}])) >= {least_units}'
    if slo.witness is None:
        return f"{_both(slo, burn, '')}\nand on ()\n{guard}"
    events = f"{_both(slo, burn, 'events')}\nand on ()\n{guard}".replace("\n", "\n  ")
    witness = _both(slo, burn, "witness").replace("\n", "\n  ")
    return f"max by (slo) (\n  {events}\n  or\n  {witness}\n)"


def _both(slo: Slo, burn: Burn, source: str) -> str:
    labels = f'{{source="{source}"}}' if source else ""
    above = number(limit(slo, burn))
    return "\nand\n".join(
        f"{slo.series}:error_ratio_rate{window}{labels} > {above}" for window in (burn.long, burn.short)
    )


def _description(slo: Slo, burn: Burn, days: int) -> str:
    above, left = number(limit(slo, burn) * 100), number(slo.objective)
    return (
        f"{{{{ $value | humanizePercentage }}}} of the units of the last {burn.long} were bad, and more than {above}% "
        f"of the last {burn.short} too. Good means: {slo.good}. The objective is {left}% over {days} days; at this "
        f"pace the budget lasts less than {number(round(days / burn.factor, 1))} days. Effect: {slo.effect}"
    )
