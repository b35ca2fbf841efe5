"""The health score, its band, and how both moved.

Source: SCORING.md 2, "pulse, score", and 6.
"""

from __future__ import annotations

from typing import Final

from kizashi_health.domain.calendar import Day
from kizashi_health.domain.signal import Signal, View, median

_WINDOW: Final = 28
_FEWEST_ROWS: Final = 14


def _change_28(view: View) -> float | None:
    then = view.past_scores.get(Day(view.as_of - _WINDOW))
    now = view.context.score.computed
    return None if now is None or then is None or then.score is None else round(now - then.score, 1)


def _vs_median_28(view: View) -> float | None:
    now = view.context.score.computed
    rows = (view.past_scores.get(Day(day)) for day in range(view.as_of - _WINDOW, view.as_of))
    known = [row.score for row in rows if row is not None and row.score is not None]
    return None if now is None or len(known) < _FEWEST_ROWS else now - median(known)


def _days_in_band(view: View) -> float | None:
    """Days since the band began, as far back as the history handed in goes."""
    band = view.context.score.band
    if band is None:
        return None
    days = 0
    while (row := view.past_scores.get(Day(view.as_of - days - 1))) is not None and row.band == band:
        days += 1
    return float(days)


def _evidence(view: View) -> str | None:
    return None if view.context.score.value is None else view.context.score.evidence


def _coverage(view: View) -> float | None:
    return None if view.context.score.value is None else view.context.score.coverage


SIGNALS: Final = (
    Signal(
        "score.value",
        "num",
        "points",
        "The health score that is shown, 0 to 100.",
        lambda view: view.context.score.value,
    ),
    Signal("score.computed", "num", "points", "The same before an override.", lambda view: view.context.score.computed),
    Signal("score.coverage", "num", "share", "Share of the model's weight that had data.", _coverage),
    Signal("score.band", "text", "", "good, watch or risk.", lambda view: view.context.score.band),
    Signal("score.evidence", "text", "", "low or ok.", _evidence),
    Signal("score.change_28", "num", "points", "Change against 28 days ago, same model version.", _change_28),
    Signal("score.vs_median_28", "num", "points", "Against the median of the last 28 day boundaries.", _vs_median_28),
    Signal("score.days_in_band", "num", "days", "For how many days the band has held.", _days_in_band),
)
