"""An account: its activity and its facts together, all that a signal may see of it.

Source: SCORING.md 2; ARCHITECTURE.md 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from kizashi_health.domain.activity import Activity
from kizashi_health.domain.calendar import Day, day_of, local_day
from kizashi_health.domain.fact import Facts, Money
from kizashi_health.domain.facts.revenue import ARR, MRR
from kizashi_health.domain.facts.standing import CUSTOMER_SINCE, STATUS

NOT_A_CUSTOMER: Final = frozenset(("paused", "churned", "internal"))
"""Standings that take an account out of calibration, ranking and rules."""


class Moment(NamedTuple):
    """A reading's point in time: days before `as_of` and facts with `at` before `facts_before`, nothing later.

    For a past day `facts_before` is that day's midnight; for the present it is the instant of evaluation, so that a
    fact stated today counts today. `observed_from` is the first day of which the workspace has an event, None before
    any.
    """

    as_of: Day
    facts_before: datetime
    observed_from: Day | None

    @property
    def is_listening(self) -> bool:
        """The workspace had sent an event by then; before that, silence says nothing."""
        return self.observed_from is not None and self.observed_from < self.as_of

    def is_inside_day(self, zone: ZoneInfo) -> bool:
        """The day before `as_of` is not over yet: an account active today is read as of tomorrow."""
        return local_day(self.facts_before, zone) < self.as_of


@dataclass(slots=True)
class Account:
    """One account. `named_day` is the local day on which it was first heard of."""

    external_id: str
    named_day: Day
    activity: Activity
    facts: Facts

    def start(self, moment: Moment) -> Day | None:
        """The first day on which the account could have been active; None when it lies ahead.

        The first active day, or the stated start if that is earlier, but never before the workspace's first event;
        without either, the day it was first named.
        Source: SCORING.md 2.
        """
        first = self.activity.days.first_before(moment.as_of)
        since = self.facts.value(CUSTOMER_SINCE, moment.facts_before)
        stated = None if since is None else day_of(since)
        if stated is not None and moment.observed_from is not None:
            stated = max(stated, moment.observed_from)
        known = [day for day in (first, stated) if day is not None and day < moment.as_of]
        if known:
            return min(known)
        return self.named_day if self.named_day < moment.as_of else None

    def status(self, moment: Moment) -> str | None:
        """What a fact says about its standing."""
        return self.facts.value(STATUS, moment.facts_before)

    def is_customer(self, moment: Moment) -> bool:
        """It is not paused, churned or internal."""
        return self.status(moment) not in NOT_A_CUSTOMER

    def yearly_revenue(self, moment: Moment) -> Money | None:
        """What it pays by the year: the yearly or twelve times the monthly revenue, whichever was stated later."""
        yearly = self.facts.stated(ARR.name, moment.facts_before)
        monthly = self.facts.stated(MRR.name, moment.facts_before)
        if monthly is not None and (yearly is None or monthly.rank > yearly.rank):
            found = self.facts.value(MRR, moment.facts_before)
            return found.times(12) if found is not None else self.facts.value(ARR, moment.facts_before)
        found = self.facts.value(ARR, moment.facts_before)
        if found is not None or monthly is None:
            return found
        by_month = self.facts.value(MRR, moment.facts_before)
        return None if by_month is None else by_month.times(12)
