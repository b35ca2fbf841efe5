"""A snapshot of one account: its score with reasons, and every signal that rules may read.

One message is a full picture at one `as_of`; an UNKNOWN signal is absent, never null or zero.

Source: HEALTH.md 10; ALERTS.md 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, Literal

import msgspec

Band = Literal["good", "watch", "risk"]
Evidence = Literal["low", "ok"]
Reason = Literal["event", "time", "fact", "outcome", "correction", "model_change", "rebuild"]

REASON_CODES: Final[Mapping[str, str]] = {
    "silence": "SILENCE",
    "overdue": "OVERDUE",
    "pace": "PACE",
    "fading": "FADING",
    "youth": "YOUNG",
}
"""What people and tools read for a term of the pulse, for life (SCORING.md 3.3)."""

SignalValue = bool | float | str | list[str]
"""Dates travel as RFC 3339 texts; every number is a float, so that rules have one number type."""


class Contribution(msgspec.Struct, frozen=True):
    """What one measure won and missed. Units: health points; all won and missed of a score sum to 100."""

    measure: str
    won: float
    missed: float
    status: Literal["data", "carried", "neutral", "worst", "excluded"]


class Adjustment(msgspec.Struct, frozen=True):
    """A cap, floor or override, as signed points."""

    key: str
    points: float


class PulsePart(msgspec.Struct, frozen=True):
    """The pulse behind the score. `probability low high base` are probabilities of loss within `horizon_days`."""

    probability: float
    low: float
    high: float
    health: float
    baseline: float
    base: float
    horizon_days: int
    profile: str
    calibration: int


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """One message of `kizashi.scores.v1`. `seq` rises by one per subject; `as_of` is the only clock of alerts."""

    workspace: str
    subject: Literal["account", "source"] = "account"
    id: str
    external_id: str
    seq: int
    as_of: datetime
    day: date
    complete_through: datetime | None
    stale: bool
    reason: Reason
    score: float | None
    computed: float | None
    band: Band | None
    previous_band: Band | None
    evidence: Evidence
    coverage: float
    model: str
    contributions: list[Contribution]
    adjustments: list[Adjustment]
    biggest_drag: str | None
    pulse: PulsePart | None
    points: dict[str, float]
    signals: dict[str, SignalValue]
    signal_meta: dict[str, dict[str, float | str]] = {}
    name: str | None = None
    owner: str | None = None
    arr: str | None = None
    currency: str | None = None
    segments: list[str] = []
    outcome: str | None = None


_DECODER: Final = msgspec.json.Decoder(Score)


def encode(message: Score) -> bytes:
    """The value of the record."""
    return msgspec.json.encode(message)


def decode(value: bytes) -> Score:
    """The snapshot in a record's value. Raises: msgspec's errors; the caller makes them a dead letter."""
    return _DECODER.decode(value)
