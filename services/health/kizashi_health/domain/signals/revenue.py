"""What the account pays.

Source: SCORING.md 2, "commercial and human".
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from kizashi_health.domain.signal import Signal, View


def _arr(view: View) -> float | None:
    return None if view.revenue is None else float(view.revenue.amount)


def _mrr(view: View) -> float | None:
    return None if view.revenue is None else float(view.revenue.amount) / 12.0


def _percentile(view: View) -> float | None:
    revenues = view.context.workspace.revenues
    if view.revenue is None or not revenues:
        return None
    return bisect_right(revenues, float(view.revenue.amount)) / len(revenues)


SIGNALS: Final = (
    Signal("revenue.arr", "num", "money", "Yearly recurring revenue.", _arr),
    Signal("revenue.mrr", "num", "money", "A twelfth of the yearly recurring revenue.", _mrr),
    Signal("revenue.percentile", "num", "share", "Share of the workspace's accounts that pay no more.", _percentile),
)
