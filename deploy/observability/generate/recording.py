"""The recording rules of every objective: the share of bad units over each window, and what is left of the budget.

Nothing judged gives no ratio, since nothing is known; but it gives a whole budget, since nothing was spent. The witness
counts bad units against all that the window holds: where Prometheus has no sample, nothing is known to be bad, and the
minutes after a first start cannot look like a bad month.

Source: OPERATIONS.md 6.1; decision 35.
"""

from __future__ import annotations

from typing import Any, Final

from deploy.observability.generate.slo import Objectives, Slo, Witness, number, seconds

LONG: Final = seconds("6h")
"""From here on a window moves so slowly that once a minute is enough."""


def recording(objectives: Objectives) -> dict[str, Any]:
    """The whole rule file."""
    short = [window for window in objectives.windows if seconds(window) < LONG]
    long = [window for window in objectives.windows if seconds(window) >= LONG]
    witnesses = [(slo, slo.witness) for slo in objectives.slos if slo.witness]
    return {
        "groups": [
            *(_group(f"slo-{slo.name}-witness", f"{witness.unit_seconds}s", [_bad(slo, witness)])
              for slo, witness in witnesses),
            _group("slo-short", "15s", [rule for slo in objectives.slos for rule in _ratios(slo, short)]),
            _group("slo-long", "1m", [rule for slo in objectives.slos for rule in _ratios(slo, long)]),
            _group("slo-budget", "2m", [rule for slo in objectives.slos for rule in _month(slo, objectives.days)]),
        ]
    }  # fmt: skip


def _group(name: str, interval: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "interval": interval, "rules": rules}


def _bad(slo: Slo, witness: Witness) -> dict[str, Any]:
    """One sample per unit of time: 1 when it was bad."""
    return {
        "record": f"{slo.series}:witness_bad",
        "expr": f"max({witness.metric}) > bool {witness.bad_above_seconds}",
        "labels": {"slo": slo.name},
    }


def _ratios(slo: Slo, windows: list[str]) -> list[dict[str, Any]]:
    rules = []
    for window in windows:
        events = {"slo": slo.name, **({"source": "events"} if slo.witness else {})}
        rules.append(_rule(f"{slo.series}:error_ratio_rate{window}", event_ratio(slo, window), events))
        if slo.witness:
            labels = {"slo": slo.name, "source": "witness"}
            rules.append(
                _rule(f"{slo.series}:error_ratio_rate{window}", witness_ratio(slo, slo.witness, window), labels)
            )
    return rules


def _rule(record: str, expr: str, labels: dict[str, str]) -> dict[str, Any]:
    return {"record": record, "expr": expr, "labels": labels}


def event_ratio(slo: Slo, window: str) -> str:
    """The share of bad units among those judged; no series when none was."""
    return (
        f'sum(rate(kizashi_sli_total{{slo="{slo.name}", outcome="bad"}}[{window}]))\n'
        f'/\n(sum(rate(kizashi_sli_total{{slo="{slo.name}"}}[{window}])) > 0)'
    )


def witness_ratio(slo: Slo, witness: Witness, window: str) -> str:
    """The share of bad units of time among all that the window holds."""
    units = seconds(window) // witness.unit_seconds
    return f"clamp_max(sum_over_time({slo.series}:witness_bad[{window}]) / {units}, 1)"


def _month(slo: Slo, days: int) -> list[dict[str, Any]]:
    return [*_ratios(slo, [f"{days}d"]), _budget(slo, days)]


def _budget(slo: Slo, days: int) -> dict[str, Any]:
    """What is left of the allowed bad units, 1 for all; below 0 the objective is missed. The worse source counts."""
    spent = f"1 - max by (slo) ({slo.series}:error_ratio_rate{days}d) / {number(slo.allowed)}"
    untouched = f'sum by (slo) (increase(kizashi_sli_total{{slo="{slo.name}"}}[{days}d])) * 0 + 1'
    return _rule(f"{slo.series}:budget_left_ratio", f"{spent}\nor\n{untouched}", {"slo": slo.name})
