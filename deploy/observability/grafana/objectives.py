"""Questions about our objectives, made from `slo.yaml` as the rules are: who changes it changes both.

Source: OPERATIONS.md 6.1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from deploy.observability.generate.slo import Objectives, Slo, number, read
from deploy.observability.grafana.model import Line

OBJECTIVES: Final[Objectives] = read(Path(__file__).resolve().parents[1] / "slo.yaml")
FASTEST: Final = max(OBJECTIVES.burns, key=lambda burn: burn.factor)
_CUT: Final = 20
"""Beyond this factor more is not worse, and an axis that follows it hides all else."""


def budget_left(slo: Slo) -> str:
    """What is left of the bad units that 30 days allow: 1 is all, below 0 the promise is broken; cut at twice spent."""
    return f"clamp_min(min({slo.series}:budget_left_ratio), -1)"


def burn(slo: Slo) -> str:
    """How many times faster than allowed the budget is spent, in the calmer window of the fastest burn.

    An alert needs both windows, so where this passes its factor somebody is woken.
    """
    quick, slow = (
        f"(max({slo.series}:error_ratio_rate{window}) / {number(slo.allowed)})"
        for window in (FASTEST.short, FASTEST.long)
    )
    return f"clamp_max(({quick} <= {slow}) or {slow}, {_CUT})"


def burn_lines() -> list[Line]:
    """Where the alerts of a burn wait: yellow for a ticket, orange for a page with time, red for one without."""
    pages = sorted(one.factor for one in OBJECTIVES.burns if one.severity == "page")
    slowest = min(one.factor for one in OBJECTIVES.burns)
    return [Line(slowest, "yellow"), Line(pages[0], "orange"), Line(pages[-1], "red")]
