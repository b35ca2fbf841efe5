"""Where an account stands in its life with the vendor.

Source: SCORING.md 2, "usage, activation, account".
"""

from __future__ import annotations

from typing import Final

from kizashi_health.domain.account import NOT_A_CUSTOMER
from kizashi_health.domain.signal import Signal, View, number

_ONBOARDING_DAYS: Final = 14


def _lifecycle(view: View) -> str:
    """Never UNKNOWN: rules tell their population by it."""
    status = view.account.status(view.context.moment)
    if status in NOT_A_CUSTOMER and status is not None:
        return status
    return "onboarding" if view.age is None or view.age < _ONBOARDING_DAYS else "live"


def _lapsed(view: View) -> bool | None:
    last = view.account.activity.days.last_before(view.as_of)
    since = view.context.start if last is None else last
    if since is None or not view.context.moment.is_listening:
        return None
    return view.as_of - since > 2.0 * view.context.workspace.settings.horizon


SIGNALS: Final = (
    Signal("account.lifecycle", "text", "", "onboarding, live, paused, churned or internal.", _lifecycle),
    Signal("account.age_days", "num", "days", "Days since the start.", lambda view: number(view.age)),
    Signal("account.lapsed", "bool", "", "Silent for two horizons.", _lapsed),
)
