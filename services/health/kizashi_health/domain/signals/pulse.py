"""The behavioural risk estimate, as rules read it.

Source: SCORING.md 2, "pulse, score", and 7.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kizashi_health.domain.pulse import Pulse
from kizashi_health.domain.signal import Signal, View

_TIMES_BASE: Final = 2.0
_MONTH: Final = 30.0


def _of(part: Callable[[Pulse], float]) -> Callable[[View], float | None]:
    """A part of the pulse; UNKNOWN without one."""

    def read(view: View) -> float | None:
        return None if view.context.pulse is None else part(view.context.pulse)

    return read


def _base(view: View) -> float:
    return view.context.workspace.calibration.base_rate


def _cut(view: View) -> float:
    """Twice the base rate: what an account must reach to be worth a contact while no save rate is known."""
    return _TIMES_BASE * _base(view)


SIGNALS: Final = (
    Signal(
        "pulse.probability",
        "num",
        "probability",
        "Probability of loss within the horizon.",
        _of(lambda p: p.probability),
    ),
    Signal("pulse.low", "num", "probability", "Lower end of its range.", _of(lambda p: p.low)),
    Signal("pulse.high", "num", "probability", "Upper end of its range.", _of(lambda p: p.high)),
    Signal("pulse.health", "num", "points", "Health that the pulse makes, 0 to 100.", _of(lambda p: p.health)),
    Signal("pulse.raw", "num", "points", "The same without soft ends.", _of(lambda p: p.raw)),
    Signal("pulse.base", "num", "probability", "Share of the workspace's accounts lost within the horizon.", _base),
    Signal("pulse.cut", "num", "probability", "The probability from which an account is worth a contact.", _cut),
    Signal("pulse.pace", "num", "days", "Active days per 30 operating days.", _of(lambda p: _MONTH * p.inputs.pace)),
    Signal(
        "pulse.recent_ratio",
        "num",
        "share",
        "Recent pace against its own.",
        _of(lambda p: p.inputs.recent / p.inputs.pace),
    ),
)
