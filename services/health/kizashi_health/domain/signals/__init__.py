"""The registry of signals: one family per file of this folder.

Source: SCORING.md 2; ARCHITECTURE.md 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Final, TypeGuard

from kizashi_common.contracts.scores import SignalValue
from kizashi_health.domain.account import Account
from kizashi_health.domain.signal import Context, Signal, View
from kizashi_health.domain.signals import account, pulse, renewal, revenue, score, seats, usage, users

SIGNALS: Final[tuple[Signal, ...]] = (
    *usage.SIGNALS,
    *users.SIGNALS,
    *seats.SIGNALS,
    *pulse.SIGNALS,
    *score.SIGNALS,
    *account.SIGNALS,
    *revenue.SIGNALS,
    *renewal.SIGNALS,
)

CATALOGUE: Final[Mapping[str, Signal]] = {signal.name: signal for signal in SIGNALS}

_WITHOUT_EVENTS: Final = tuple(signal for signal in SIGNALS if not signal.is_fed_by_events)


def compute(account_read: Account, context: Context) -> dict[str, SignalValue]:
    """Every known signal of an account; an UNKNOWN one is absent, and so is what is no number."""
    view = View(account_read, context)
    asked = SIGNALS if context.moment.is_listening else _WITHOUT_EVENTS
    return {signal.name: value for signal in asked if _is_known(value := signal.function(view))}


def _is_known(value: SignalValue | None) -> TypeGuard[SignalValue]:
    """A ratio over next to nothing is infinite: JSON has no word for it, and a rule no use."""
    return value is not None and (not isinstance(value, float) or isfinite(value))
