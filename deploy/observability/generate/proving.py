"""The promtool tests of what is generated, from the same objectives.

Burns are tested on recorded ratios, which is quick and exact at the limit; that the ratios are what they say is tested
on units. `tests/ops` checks the generator itself with tests of one objective that were written by hand.

Source: OPERATIONS.md 6.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from deploy.observability.generate.burning import limit
from deploy.observability.generate.slo import Burn, Objectives, Slo, number, seconds

_NONE: Final = "_"


class Phase(NamedTuple):
    """A stretch of a test: what both windows show (shares of the limit; none: nothing), and whether it must fire."""

    long: float | None
    short: float | None
    fires: bool = False


PHASES: Final = (
    Phase(None, None),
    Phase(0.99, 0.99),
    Phase(1.01, 0.5),
    Phase(0.5, 1.01),
    Phase(1.01, 1.01, fires=True),
    Phase(1.01, 0.5),
)
"""No data; just under in both; over in one only, either way; over in both; over for good."""


def burn_tests(slo: Slo, objectives: Objectives) -> dict[str, dict[str, Any]]:
    """The test files of an objective's burn alert: by step, since promtool evaluates a whole file at one interval."""
    files: dict[str, dict[str, Any]] = {}
    for burn in objectives.burns:
        step = f"{_step(burn) // 60}m"
        empty = {"rule_files": ["../rules/slo-burn.yaml"], "evaluation_interval": step, "tests": []}
        files.setdefault(f"burn-{slo.name}-{step}.yaml", empty)["tests"].extend(
            _of_burn(slo, burn, objectives.least_units)
        )
    return files


def _of_burn(slo: Slo, burn: Burn, least_units: int) -> Iterator[dict[str, Any]]:
    # So many units a step that the guard's limit is passed at once; or so few that it never is.
    source = "events" if slo.witness else ""
    yield _timeline(slo, burn, source, units=least_units)
    yield _timeline(slo, burn, source, units=least_units / (len(PHASES) * _steps(burn)) / 2, fires=False)
    if slo.witness:
        yield _timeline(slo, burn, "witness", units=None)


def _timeline(slo: Slo, burn: Burn, source: str, *, units: float | None, fires: bool = True) -> dict[str, Any]:
    steps = _steps(burn)
    labels = f'{{slo="{slo.name}"' + (f', source="{source}"}}' if source else "}")
    total = len(PHASES) * steps
    series = [
        {"series": f"{slo.series}:error_ratio_rate{window}{labels}", "values": _values(slo, burn, steps, window)}
        for window in (burn.long, burn.short)
    ]
    if units is not None:
        counter = f'kizashi_sli_total{{slo="{slo.name}", outcome="good"}}'
        series.append({"series": counter, "values": f"0+{number(units)}x{total}"})
    what = "enough units" if units is None or fires else "too few units"
    return {
        "name": f"{slo.alert} {burn.long} and {burn.short}{f', {source}' if source else ''}: {what}",
        "interval": f"{_step(burn)}s",
        "input_series": series,
        "promql_expr_test": list(_looks(slo, burn, steps, fires=fires)),
    }


def _step(burn: Burn) -> int:
    """Seconds between samples, and between evaluations. Beyond five minutes Prometheus takes a series for gone."""
    return 60 if seconds(burn.lasting) < 300 else 300


def _steps(burn: Burn) -> int:
    """Samples of a phase: as long as a burn must last, and one more."""
    return seconds(burn.lasting) // _step(burn) + 2


def _values(slo: Slo, burn: Burn, steps: int, window: str) -> str:
    shares = [phase.long if window == burn.long else phase.short for phase in PHASES]
    return " ".join(
        f"{_NONE}x{steps}" if share is None else f"{number(share * limit(slo, burn))}x{steps - 1}" for share in shares
    )


def _looks(slo: Slo, burn: Burn, steps: int, *, fires: bool) -> Iterator[dict[str, Any]]:
    """One look at the end of each phase; where it fires, one just before and one when it has lasted long enough."""
    step, lasting = _step(burn), seconds(burn.lasting)
    for index, phase in enumerate(PHASES):
        start = index * steps * step
        if phase.fires:
            yield _look(slo, burn, start + lasting - step, is_firing=False)
            yield _look(slo, burn, start + lasting, is_firing=fires)
        else:
            yield _look(slo, burn, start + (steps - 1) * step, is_firing=False)


def _look(slo: Slo, burn: Burn, at: int, *, is_firing: bool) -> dict[str, Any]:
    asked = f'ALERTS{{alertname="{slo.alert}", alertstate="firing"}}'
    labels = (
        f'ALERTS{{alertname="{slo.alert}", alertstate="firing", severity="{burn.severity}", service="{slo.service}", '
        f'slo="{slo.name}", window="{burn.long}"}}'
    )
    return {"expr": asked, "eval_time": f"{at}s", "exp_samples": [{"labels": labels, "value": 1}] if is_firing else []}


def ratio_tests(objectives: Objectives) -> dict[str, Any]:
    """The test file of the recorded ratios and budgets: one unit in a hundred is bad, over a restart of the counter."""
    return {
        "rule_files": ["../rules/slo-recording.yaml"],
        "evaluation_interval": "30s",
        "tests": [_restarted(slo, objectives) for slo in objectives.slos]
        + [_idle(slo, objectives) for slo in objectives.slos],
    }


def _restarted(slo: Slo, objectives: Objectives) -> dict[str, Any]:
    units = f'kizashi_sli_total{{slo="{slo.name}", outcome='
    labels = f'{{slo="{slo.name}"' + (', source="events"}' if slo.witness else "}")
    looks = [
        _sample(f"{slo.series}:error_ratio_rate{window}", labels, 0.01)
        for window in (*objectives.windows, f"{objectives.days}d")
    ]
    budget = _sample(f"{slo.series}:budget_left_ratio", f'{{slo="{slo.name}"}}', 1 - 0.01 / slo.allowed)
    return {
        "name": f"{slo.name}: one bad unit in a hundred, with a restart between",
        "interval": "30s",
        "input_series": [
            {"series": f'{units}"good"}}', "values": "0+99x30 0+99x30"},
            {"series": f'{units}"bad"}}', "values": "0+1x30 0+1x30"},
        ],
        "promql_expr_test": [*looks, budget],
    }


def _sample(name: str, labels: str, value: float) -> dict[str, Any]:
    asked = f"round({name}, 0.0001)"
    return {"expr": asked, "eval_time": "30m", "exp_samples": [{"labels": labels, "value": round(value, 4)}]}


def _idle(slo: Slo, objectives: Objectives) -> dict[str, Any]:
    units = f'kizashi_sli_total{{slo="{slo.name}", outcome="good"}}'
    nothing = [
        {"expr": f"{slo.series}:error_ratio_rate{window}", "eval_time": "30m", "exp_samples": []}
        for window in objectives.windows
    ]
    return {
        "name": f"{slo.name}: nothing was judged, so nothing is known and nothing is spent",
        "interval": "30s",
        "input_series": [{"series": units, "values": "0x60"}],
        "promql_expr_test": [*nothing, _sample(f"{slo.series}:budget_left_ratio", f'{{slo="{slo.name}"}}', 1)],
    }
