"""The value that one transaction writes: absolute rows, never deltas.

Source: HEALTH.md 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from kizashi_common.contracts.scores import Reason
from kizashi_common.stream.shapes import FlushBase
from kizashi_health.domain.activity import DayRow, FeatureSpan, User
from kizashi_health.domain.calendar import Day
from kizashi_health.domain.fact import Stated
from kizashi_health.engine.noted import Noted
from kizashi_health.engine.rows import AccountKey, Published


class AccountRow(NamedTuple):
    """An account's own row."""

    key: AccountKey
    id: UUID
    named_day: Day
    bits_from: Day | None
    active_bits: bytes
    next_user: int
    last_login_day: Day | None
    stale_since: datetime | None
    unsent: Reason | None


class FactRow(NamedTuple):
    """One statement about an account, never changed once written."""

    key: AccountKey
    id: UUID
    name: str
    entry: str
    stated: Stated
    known_at: datetime
    origin: str


class ScoreRow(NamedTuple):
    """An account's score as of a day boundary."""

    key: AccountKey
    id: UUID
    day: Day
    score: float | None
    band: str | None
    probability: float | None
    evidence: str
    calibration_id: int
    points: Mapping[str, float]
    signals: Mapping[str, Any]


@dataclass(slots=True)
class Flush(FlushBase):
    """Everything that changed in one slot since the last flush."""

    accounts: list[AccountRow] = field(default_factory=list)
    days: list[tuple[AccountKey, UUID, Day, DayRow]] = field(default_factory=list)
    users: list[tuple[AccountKey, UUID, User]] = field(default_factory=list)
    features: list[tuple[AccountKey, UUID, str, FeatureSpan]] = field(default_factory=list)
    facts: list[FactRow] = field(default_factory=list)
    scores: list[ScoreRow] = field(default_factory=list)
    cards: list[Mapping[str, Any]] = field(default_factory=list)
    published: list[tuple[AccountKey, UUID, Published]] = field(default_factory=list)
    ids: Mapping[int, bytes] = field(default_factory=dict)
    slot_days: list[tuple[str, Day, int, int]] = field(default_factory=list)
    at: datetime | None = None
    noted: Noted = field(default_factory=Noted)
