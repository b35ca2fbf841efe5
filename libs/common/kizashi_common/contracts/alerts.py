"""What became of an alert: one event, the same on the topic, in a webhook and in the live stream.

New members may appear, meanings never change.

Source: ALERTS.md 12.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

from kizashi_common.contracts.scores import SignalValue

AlertKind = Literal["risk", "expansion", "renewal", "adoption", "data"]
Severity = Literal["info", "low", "high", "critical"]
Workflow = Literal["open", "acknowledged", "in_progress", "resolved"]
EventType = Literal[
    "alert.opened",
    "alert.reopened",
    "alert.severity_raised",
    "alert.acknowledged",
    "alert.condition_cleared",
    "alert.resolved",
    "score.band_changed",
    "endpoint.ping",
]

SEVERITIES: Final[tuple[Severity, ...]] = ("info", "low", "high", "critical")
"""From least to most severe."""


class Notify(msgspec.Struct, frozen=True):
    """Whether a person is told now, and the named reason."""

    decision: Literal["send", "hold"]
    reason: str


class AlertPart(msgspec.Struct, frozen=True, kw_only=True):
    """The alert as it is after the event. `version` rises by one per change: receivers drop the older."""

    id: str
    version: int
    rule: str
    rule_version: int
    kind: AlertKind
    scope: str
    severity: Severity
    workflow: Workflow
    condition: str
    opened_at: datetime
    as_of: datetime
    complete_through: datetime | None
    title: str
    owner: str | None
    reopen_count: int
    evidence: dict[str, SignalValue]
    clears_when: str
    playbook: str | None
    recommended_actions: list[str] = []
    resolution: str | None = None
    feedback: str | None = None


class AccountPart(msgspec.Struct, frozen=True):
    """Whom it is about. `arr` is money per year."""

    id: str
    external_id: str
    name: str | None
    arr: dict[str, str] | None


class ReasonPart(msgspec.Struct, frozen=True):
    """One reason of the score. Units: health points, negative is worse."""

    code: str
    points: float


class ScorePart(msgspec.Struct, frozen=True):
    """The score that the alert was judged on."""

    value: float | None
    band: str | None
    evidence: str
    reasons: list[ReasonPart]


class Links(msgspec.Struct, frozen=True):
    """Where to look."""

    console: str
    api: str


class AlertData(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body. `position` is given by the relay and rises in commit order."""

    workspace: str
    position: int
    notify: Notify
    alert: AlertPart | None = None
    account: AccountPart | None = None
    score: ScorePart | None = None
    links: Links | None = None


class AlertEvent(msgspec.Struct, frozen=True):
    """One message of `kizashi.alerts.v1`; the webhook's body has the same three members."""

    type: EventType
    timestamp: datetime
    data: AlertData


_DECODER: Final = msgspec.json.Decoder(AlertEvent)


def encode(message: AlertEvent) -> bytes:
    """The value of the record, and the frozen body of its webhooks."""
    return msgspec.json.encode(message)


def decode(value: bytes) -> AlertEvent:
    """The event in a record's value."""
    return _DECODER.decode(value)
