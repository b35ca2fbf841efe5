"""When the contract renews.

Source: SCORING.md 2, "commercial and human".
"""

from __future__ import annotations

from typing import Final

from kizashi_health.domain.calendar import day_of
from kizashi_health.domain.facts.renewal import RENEWAL_DATE
from kizashi_health.domain.signal import Signal, View


def _days_left(view: View) -> float | None:
    renewal = view.account.facts.value(RENEWAL_DATE, view.context.moment.facts_before)
    return None if renewal is None else float(day_of(renewal) - view.as_of)


def _date(view: View) -> str | None:
    renewal = view.account.facts.value(RENEWAL_DATE, view.context.moment.facts_before)
    return None if renewal is None else renewal.isoformat()


SIGNALS: Final = (
    Signal("renewal.days_left", "num", "days", "Days until the renewal, negative once it has passed.", _days_left),
    Signal("renewal.date", "date", "", "The day of the next renewal.", _date),
)
