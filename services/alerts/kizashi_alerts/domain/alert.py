"""An alert: its identity, its episode, how bad it is and why; and its two axes side by side.

The engine writes `condition`, severity and evidence, people write `workflow` and what goes with it. Both make a new
value of the whole; which columns may change is decided in `settle.py` and `workflow.py` alone.

Source: ALERTS.md 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from kizashi_common.contracts.alerts import AlertKind, Severity, Workflow
from kizashi_common.contracts.scores import REASON_CODES, Score, SignalValue

Shown = Literal["active", "recovering", "cleared"]
HeldBy = Literal["batch"]

MAX_REASONS = 5


class Identity(NamedTuple):
    """What links the episodes of one trouble. Never part of it: rule version, score, severity, text, owner."""

    workspace: str
    subject: str
    rule_key: str
    scope: str


class Subject(NamedTuple):
    """Whom an alert is about, as the snapshot named it. `arr` is money per year."""

    key: str
    account_id: UUID | None
    external_id: str
    name: str | None
    owner: str | None
    arr: Mapping[str, str] | None


class Scored(NamedTuple):
    """The score that was judged. Units of reasons: health points, negative is worse; worst first."""

    value: float | None
    band: str | None
    evidence: str
    reasons: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """One episode."""

    id: UUID
    identity: Identity
    rule_version: int
    kind: AlertKind
    episode: int
    reopen_count: int
    about: Subject
    title: Mapping[str, str]
    clears_when: str
    playbook: str | None
    recommended_actions: tuple[Mapping[str, str], ...]
    condition: Shown
    severity: Severity
    peak_severity: Severity
    cleared_at: datetime | None
    evidence: Mapping[str, SignalValue]
    score: Scored
    as_of: datetime
    complete_through: datetime | None
    data_stale: bool
    covered_by: UUID | None
    notified_at: datetime | None
    held_by: HeldBy | None
    workflow: Workflow
    owner: str | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    resolution: str | None
    feedback: str | None
    note: str | None
    closed_by: str | None
    version: int
    opened_at: datetime
    closed_at: datetime | None

    @property
    def open(self) -> bool:
        """Whether the episode goes on."""
        return self.closed_at is None

    @property
    def standing(self) -> bool:
        """Whether it is open and its condition is not cleared: what covers, and what a person must know of."""
        return self.open and self.condition != "cleared"


def subject_of(score: Score, account_id: UUID | None) -> Subject:
    """Whom a snapshot speaks of."""
    arr = {"amount": score.arr, "currency": score.currency or ""} if score.arr is not None else None
    return Subject(subject_key(score), account_id, score.external_id, score.name, score.owner, arr)


def subject_key(score: Score) -> str:
    """`a:<account id>` or `s:<source id>`."""
    return f"{score.subject[0]}:{score.id}"


def scored(score: Score) -> Scored:
    """The score of a snapshot with what pulled it down."""
    worst = sorted((points, term) for term, points in score.points.items() if points < 0 and term in REASON_CODES)
    reasons = tuple((REASON_CODES[term], round(points, 1)) for points, term in worst[:MAX_REASONS])
    return Scored(score.score, score.band, score.evidence, reasons)
