"""What the engine of one partition hands to one transaction.

Source: ALERTS.md 13; HEALTH.md 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from kizashi_alerts.domain.condition import Condition
from kizashi_alerts.domain.settle import Ended, Found, Happened, Snapshot
from kizashi_alerts.engine.judge import ConditionKey, Judged, Tally
from kizashi_common.stream.shapes import FlushBase

SubjectKey = tuple[str, str]
"""Workspace and subject."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a subject's snapshots are judged. `seq` rises by one per snapshot; `moved_at` is the `as_of` of the last
    one with a score that could move conditions."""

    seq: int = 0
    as_of: datetime | None = None
    band: str | None = None
    score: float | None = None
    moved_at: datetime | None = None


class News(NamedTuple):
    """One snapshot that has something to say: findings, and whether its band is another than before."""

    snapshot: Snapshot
    found: tuple[Found | Ended, ...]
    band_changed: bool
    seq: int


@dataclass(slots=True)
class AlertsFlush(FlushBase):
    """Cursors and conditions are absolute; a condition of None is gone. News stand in the order of their snapshots.

    `happened` is what writing it made of the alerts, decided anew with every try.
    """

    at: datetime | None = None
    tally: Tally = field(default_factory=Tally)
    cursors: dict[SubjectKey, Cursor] = field(default_factory=dict)
    conditions: dict[tuple[SubjectKey, ConditionKey], Condition | None] = field(default_factory=dict)
    news: dict[SubjectKey, list[News]] = field(default_factory=dict)
    happened: Sequence[Happened] = ()


def findings(judged: Sequence[Judged]) -> tuple[Found | Ended, ...]:
    """Those that concern an alert: what stands, and what has just ended."""
    return tuple(found for one in judged if (found := _finding(one)) is not None)


def _finding(one: Judged) -> Found | Ended | None:
    if one.transition == "cleared":
        return Ended(*one.key, one.how)
    if one.after is None or not one.after.stands:
        return None
    return Found(one.rule, one.scope, one.after.state, one.severity, one.evidence, one.data_stale)
