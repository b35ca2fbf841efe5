"""What the engine of one partition hands to one transaction.

Source: ALERTS.md 13; HEALTH.md 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from kizashi_alerts.domain.condition import Condition
from kizashi_alerts.domain.settle import Found, Happened, Snapshot
from kizashi_alerts.engine.judge import ConditionKey, Judged, Tally
from kizashi_common.stream.shapes import FlushBase

SubjectKey = tuple[str, str]
"""Workspace and subject."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a subject's snapshots are judged. `seq` rises by one per snapshot."""

    seq: int = 0
    as_of: datetime | None = None
    band: str | None = None
    score: float | None = None


class News(NamedTuple):
    """One snapshot that has something to say: findings, and whether its band is another than before."""

    snapshot: Snapshot
    found: tuple[Found, ...]
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


def findings(judged: Sequence[Judged]) -> tuple[Found, ...]:
    """Those that concern an alert: what stands, and what has just ended."""
    return tuple(
        Found(
            rule=one.rule,
            scope=one.scope,
            state=one.after.state if one.after is not None else None,
            transition=one.transition,
            how=one.how,
            severity=one.severity,
            evidence=one.evidence,
            data_stale=one.data_stale,
        )
        for one in judged
        if one.transition == "cleared" or (one.after is not None and one.after.stands)
    )
