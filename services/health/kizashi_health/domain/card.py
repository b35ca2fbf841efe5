"""An account's row in the portfolio: what a person sees first, and what the list is ranked by.

Source: SCORING.md 7; GATEWAY.md 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from kizashi_common.contracts.scores import Band, Evidence
from kizashi_health.domain.account import NOT_A_CUSTOMER, Account, Moment
from kizashi_health.domain.calendar import date_of
from kizashi_health.domain.evaluation import Evaluation
from kizashi_health.domain.explain import Reason, top_reasons
from kizashi_health.domain.facts.name import NAME
from kizashi_health.domain.facts.owner import OWNER
from kizashi_health.domain.facts.renewal import RENEWAL_DATE
from kizashi_health.domain.signal import Workspace

_SHARE_OF_MEDIAN: Final = 0.1
_STAND_IN_REVENUE: Final = 1.0
_STEPS: Final = 100


@dataclass(frozen=True, slots=True)
class Card:
    """The columns that an account is listed, filtered and ranked by.

    Units: `arr` and `revenue_at_risk` money per year; `revenue_at_risk` is probability times revenue. Where
    `revenue_known` is false it stands on a tenth of the workspace's median and is left out of sums.
    """

    name: str | None
    owner: str | None
    lifecycle: str
    score: float | None
    band: Band | None
    evidence: Evidence
    coverage: float
    change_28: float | None
    probability: float | None
    top_reasons: tuple[Reason, ...]
    arr: float | None
    currency: str | None
    revenue_at_risk: float
    revenue_known: bool
    renewal_date: date | None
    last_active_day: date | None


def card(account: Account, workspace: Workspace, evaluation: Evaluation) -> Card:
    """The account's row, as of the moment of its evaluation."""
    moment = evaluation.moment
    revenue = account.yearly_revenue(moment)
    arr = None if revenue is None else float(revenue.amount)
    lifecycle = str(evaluation.signals["account.lifecycle"])
    change = evaluation.signals.get("score.change_28")
    last = account.activity.days.last_before(moment.as_of)
    probability = None if evaluation.pulse is None else evaluation.pulse.probability
    return Card(
        name=account.facts.value(NAME, moment.facts_before),
        owner=account.facts.value(OWNER, moment.facts_before),
        lifecycle=lifecycle,
        score=evaluation.score.value,
        band=evaluation.score.band,
        evidence=evaluation.score.evidence,
        coverage=evaluation.score.coverage,
        change_28=change if isinstance(change, float) else None,
        probability=probability,
        top_reasons=top_reasons(evaluation.reasons),
        arr=arr,
        currency=None if revenue is None else revenue.currency,
        revenue_at_risk=0.0 if lifecycle in NOT_A_CUSTOMER else at_risk(probability, arr, workspace.median_revenue),
        revenue_known=arr is not None,
        renewal_date=account.facts.value(RENEWAL_DATE, moment.facts_before),
        last_active_day=None if last is None else date_of(last),
    )


def at_risk(probability: float | None, arr: float | None, median_revenue: float | None) -> float:
    """Probability times yearly revenue.

    An unknown revenue counts a tenth of the median, and 1 where nobody's is known, so that there is an order at all.
    """
    if probability is None:
        return 0.0
    if arr is not None:
        return probability * arr
    return probability * (_STAND_IN_REVENUE if median_revenue is None else _SHARE_OF_MEDIAN * median_revenue)


def revenue_ladder(revenues: Sequence[float]) -> tuple[float, ...]:
    """Known yearly revenues as at most 101 ascending steps: enough to rank one account among all."""
    ordered = sorted(revenues)
    if len(ordered) <= _STEPS + 1:
        return tuple(ordered)
    last = len(ordered) - 1
    return tuple(ordered[round(last * step / _STEPS)] for step in range(_STEPS + 1))


def customers_ladder(accounts: Iterable[Account], moment: Moment) -> tuple[float, ...]:
    """The same of those that are customers at a moment."""
    known = [account.yearly_revenue(moment) for account in accounts if account.is_customer(moment)]
    return revenue_ladder([float(revenue.amount) for revenue in known if revenue is not None])
