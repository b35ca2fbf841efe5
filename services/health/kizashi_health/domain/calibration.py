"""What the whole workspace lends to each account's pulse: its usual pace, its base rate, its typical account.

Source: SCORING.md 4.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from kizashi_health.domain.account import Account, Moment
from kizashi_health.domain.activity import DaySet
from kizashi_health.domain.calendar import Clock, Day
from kizashi_health.domain.pulse import (
    FIRST_PRIOR_PACE,
    TERMS,
    Basis,
    Calibration,
    Inputs,
    PulseSettings,
    Term,
    decayed,
    exposure_over,
    inputs,
    logit,
    sigmoid,
    weighted_terms,
)

UNSAVED: Final = 0
"""The id of a calibration that the store has not numbered yet."""

_RAREST: Final = 1e-6
"""Beyond this a share has no odds that a float could tell from none."""
_FEWEST: Final = 20
_FEWEST_FOR_INACTIVITY: Final = 50
_FEWEST_OF_EACH: Final = 5
_STEPS: Final = 100


class Member(NamedTuple):
    """An account that calibration may count: a customer, with its start, as of one moment."""

    days: DaySet
    start: Day | None


class Base(NamedTuple):
    """How many accounts are lost within a horizon, and the logits over which the intercept is solved."""

    basis: Basis
    rate: float
    logits: Sequence[float]
    accounts: int
    outcomes: int


def member_of(account: Account, moment: Moment) -> Member | None:
    """The account as calibration sees it at a moment; None for one that is paused, churned or internal then."""
    return Member(account.activity.days, account.start(moment)) if account.is_customer(moment) else None


def calibrate(
    now: Sequence[Member],
    then: Sequence[Member],
    as_of: Day,
    settings: PulseSettings,
    monthly_loss: float,
    clock: Clock,
) -> Calibration:
    """The calibration as of a day, still without an id; nothing on or after that day is read.

    Shape: `now` are the customers as of `as_of`, `then` those as of one horizon earlier (`window_start`); members of
    either that were not active within two horizons are left out here. Their order does not matter.
    """
    population = active(now, as_of, settings)
    pace = prior_pace(population, as_of, settings, clock)
    terms = [_terms(member, as_of, pace, settings, clock) for member in population]
    typical = _typical(terms, pace, settings)
    base = _inactivity(then, as_of, settings, clock) or _stated(terms, monthly_loss, settings)
    if base.accounts < _FEWEST:
        intercept = logit(base.rate) - sum(typical.values())
    else:
        intercept = solve_intercept(base.logits, base.rate)
    return Calibration(
        id=UNSAVED,
        as_of=as_of,
        basis=base.basis,
        prior_pace=pace,
        base_rate=base.rate,
        intercept=intercept,
        slope=1.0,
        typical=typical,
        accounts=base.accounts,
        outcomes=base.outcomes,
    )


def window_start(as_of: Day, settings: PulseSettings) -> Day:
    """The first day of the last completed window: one horizon before."""
    return Day(as_of - int(settings.horizon))


def active(members: Sequence[Member], as_of: Day, settings: PulseSettings) -> list[Member]:
    """Those with an active day, the last one at most two horizons back."""
    oldest = as_of - 2.0 * settings.horizon
    return [member for member in members if (last := member.days.last_before(as_of)) is not None and last >= oldest]


def prior_pace(population: Sequence[Member], as_of: Day, settings: PulseSettings, clock: Clock) -> float:
    """The median of the accounts' own paces; a fixed one while there are too few of them.

    Units: active days per operating day, at least a quarter of one per horizon.
    """
    if len(population) < _FEWEST:
        return FIRST_PRIOR_PACE
    paces = sorted(raw_pace(member, as_of, settings, clock) for member in population)
    middle = (paces[(len(paces) - 1) // 2] + paces[len(paces) // 2]) / 2.0
    return max(middle, 0.25 / settings.horizon)


def stated_base(monthly_loss: float, settings: PulseSettings) -> float:
    """The share lost within a horizon when `monthly_loss` are lost within 30 days; never none and never all of them."""
    lost = 1.0 - (1.0 - monthly_loss) ** (settings.horizon / 30.0)
    return float(min(max(lost, _RAREST), 1.0 - _RAREST))


def solve_intercept(logits: Sequence[float], rate: float) -> float:
    """The intercept b for which mean(sigmoid(b + logit)) is `rate`.

    Newton's step where it stays inside the bracket, else its middle, so that it always ends.
    """
    low, high = -40.0, 40.0
    found = 0.0
    for _ in range(_STEPS):
        shares = [sigmoid(found + value) for value in logits]
        excess = math.fsum(shares) / len(shares) - rate
        low, high = (low, found) if excess > 0.0 else (found, high)
        slope = math.fsum(share * (1.0 - share) for share in shares) / len(shares)
        step = found - excess / slope if slope > 0.0 else low
        following = step if low < step < high else (low + high) / 2.0
        if abs(following - found) < 1e-13:
            return following
        found = following
    return found


def raw_pace(member: Member, as_of: Day, settings: PulseSettings, clock: Clock) -> float:
    """An account's own pace, not shrunk to anything. It has started before `as_of`.

    Units: active days per operating day.
    """
    first = member.days.first_before(as_of)
    begins = [day for day in (first, member.start) if day is not None and day < as_of]
    elapsed = clock.between(min(begins), as_of)
    (faded,) = decayed(member.days, as_of, (settings.slow,), clock)
    return faded / max(exposure_over(elapsed, settings.slow), 1.0)


def _terms(
    member: Member, as_of: Day, pace: float, settings: PulseSettings, clock: Clock
) -> tuple[float, float, float, float, float]:
    read = inputs(member.days, as_of, member.start, pace, settings, clock)
    if read is None:
        raise ValueError("an account of the population has an active day")
    return weighted_terms(read, settings)


def _typical(
    terms: Sequence[tuple[float, float, float, float, float]], pace: float, settings: PulseSettings
) -> Mapping[Term, float]:
    """The mean terms; while accounts are few, those of one that lives at the prior pace and is a horizon old."""
    if len(terms) < _FEWEST:
        gap, horizon = 1.0 / pace, settings.horizon
        model = Inputs(gap, pace, pace, 1.0, 1.0, horizon, 1.0, 3, horizon + gap, gap)
        return dict(zip(TERMS, weighted_terms(model, settings), strict=True))
    return {name: math.fsum(column) / len(terms) for name, column in zip(TERMS, zip(*terms, strict=True), strict=True)}


def _inactivity(then: Sequence[Member], as_of: Day, settings: PulseSettings, clock: Clock) -> Base | None:
    """What the last completed window says: lost is who had no active day in it. None where it says too little."""
    if settings.profile != "lapse":
        return None
    began = window_start(as_of, settings)
    population = active(then, began, settings)
    lost = sum(1 for member in population if not member.days.count(began, as_of))
    if len(population) < _FEWEST_FOR_INACTIVITY or min(lost, len(population) - lost) < _FEWEST_OF_EACH:
        return None
    pace = prior_pace(population, began, settings, clock)
    logits = [sum(_terms(member, began, pace, settings, clock)) for member in population]
    return Base("inactivity", lost / len(population), logits, len(population), lost)


def _stated(
    terms: Sequence[tuple[float, float, float, float, float]], monthly_loss: float, settings: PulseSettings
) -> Base:
    """What the workspace says that it loses."""
    return Base("stated", stated_base(monthly_loss, settings), [sum(row) for row in terms], len(terms), 0)
