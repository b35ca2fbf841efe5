"""How much and how lately an account was used, against its own normal.

Source: SCORING.md 2, "usage".
"""

from __future__ import annotations

import math
from typing import Final

from kizashi_health.domain.calendar import date_of
from kizashi_health.domain.signal import Signal, View, median, number

_WINDOW: Final = 28
_FEWEST_WINDOWS: Final = 2
_SMALLEST_USUAL: Final = 5.0


def _silent_days(view: View) -> float | None:
    last = view.account.activity.days.last_before(view.as_of)
    since = view.context.start if last is None else type(last)(last + 1)
    return None if since is None else view.context.workspace.clock.between(since, view.as_of)


def _missed_days(view: View) -> float | None:
    pulse = view.context.pulse
    return None if pulse is None else pulse.inputs.missed


def _last_active_day(view: View) -> str | None:
    last = view.account.activity.days.last_before(view.as_of)
    return None if last is None else date_of(last).isoformat()


def _login_age_days(view: View) -> float | None:
    activity = view.account.activity
    last = activity.last_login_day
    if last is not None and last >= view.as_of:
        before = [day for day, row in activity.rows.items() if row.logins and day < view.as_of]
        last = max(before, default=None)
    return None if last is None else float(view.as_of - last - 1)


def _logins(view: View) -> float:
    return float(sum(row.logins for row in view.rows(_WINDOW)))


def _events(view: View) -> float:
    return float(sum(row.human for row in view.rows(_WINDOW)))


def _usual(view: View) -> float | None:
    """Median active days of the three 28-day windows before the last; None under two since start, or for a handful."""
    if view.age is None:
        return None
    whole = min(3, view.age // _WINDOW - 1)
    if whole < _FEWEST_WINDOWS:
        return None
    usual = median([view.active_days(_WINDOW, back=_WINDOW * window) for window in range(1, whole + 1)])
    return usual if usual >= _SMALLEST_USUAL else None


def _ratio_own(view: View) -> float | None:
    usual = _usual(view)
    return None if usual is None else view.active_days(_WINDOW) / usual


def _z_own(view: View) -> float | None:
    usual = _usual(view)
    if usual is None:
        return None
    spread = math.sqrt(max(1.0, 4.0 / 3.0 * usual * (1.0 - usual / _WINDOW)))
    return (view.active_days(_WINDOW) - usual) / spread


SIGNALS: Final = (
    Signal(
        "usage.silent_days",
        "num",
        "op.days",
        "Operating days since the last active day, or since the start.",
        _silent_days,
    ),
    Signal(
        "usage.missed_days", "num", "days", "Active days it would normally have had during its silence.", _missed_days
    ),
    Signal("usage.last_active_day", "date", "", "The last day with human activity.", _last_active_day),
    Signal("usage.login_age_days", "num", "days", "Whole days since the last login.", _login_age_days),
    Signal(
        "usage.active_days_7", "num", "days", "Active days of the last 7.", lambda view: number(view.active_days(7))
    ),
    Signal(
        "usage.active_days_28", "num", "days", "Active days of the last 28.", lambda view: number(view.active_days(28))
    ),
    Signal(
        "usage.active_days_90", "num", "days", "Active days of the last 90.", lambda view: number(view.active_days(90))
    ),
    Signal("usage.logins_28", "num", "events", "Logins of the last 28 days, for display.", _logins),
    Signal("usage.events_28", "num", "events", "Human events of the last 28 days, for display.", _events),
    Signal("usage.ratio_own", "num", "share", "Active days of the last 28 against its own usual 28.", _ratio_own),
    Signal("usage.z_own", "num", "sd", "The same as standard deviations from its own usual.", _z_own),
)
