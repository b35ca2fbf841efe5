"""Every signal that travels in a snapshot, with its type: what a rule may read.

Health computes them and declares each with unit, meaning and needed coverage; a test holds that registry to this
table, so rules compile without asking health (decision 18).

Source: SCORING.md 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

SignalType = Literal["number", "text", "flag", "texts"]
"""A double, a string, a boolean, or a list of strings. Dates are texts."""


def _family(name: str, **signals: SignalType) -> dict[str, SignalType]:
    return {f"{name}.{signal}": kind for signal, kind in signals.items()}


SIGNALS: Final[Mapping[str, SignalType]] = {
    **_family(
        "usage",
        silent_days="number",
        missed_days="number",
        active_days_7="number",
        active_days_28="number",
        active_days_90="number",
        last_active_day="text",
        login_age_days="number",
        logins_28="number",
        events_28="number",
        ratio_own="number",
        z_own="number",
    ),
    **_family("users", active_1="number", active_7="number", active_28="number", peak_90="number"),
    **_family(
        "seats",
        bought="number",
        used_ratio="number",
        below_half_days="number",
        above_90_days="number",
        days_to_full="number",
        suggested="number",
    ),
    **_family("renewal", days_left="number", date="text"),
    **_family("revenue", arr="number", mrr="number", percentile="number"),
    **_family(
        "pulse",
        probability="number",
        low="number",
        high="number",
        health="number",
        raw="number",
        base="number",
        cut="number",
        pace="number",
        recent_ratio="number",
    ),
    **_family(
        "score",
        value="number",
        computed="number",
        coverage="number",
        band="text",
        evidence="text",
        change_28="number",
        vs_median_28="number",
        days_in_band="number",
    ),
    **_family("account", lifecycle="text", age_days="number", lapsed="flag"),
}
"""The catalogue: name to type. An UNKNOWN signal is absent from a snapshot, never null or zero."""
