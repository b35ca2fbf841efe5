"""What may be asked of alerts: act on an alert, manage webhook endpoints, judge a reconstructed past.

Source: ALERTS.md 6 and 11; GATEWAY.md 3.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from pydantic import Field

from kizashi_common.contracts.alerts import EventType, Workflow
from kizashi_common.contracts.commands.health import Strict

ACKNOWLEDGE_PATH: Final = "/internal/v1/alerts/{alert}/acknowledge"
RESOLVE_PATH: Final = "/internal/v1/alerts/{alert}/resolve"
ENDPOINTS_PATH: Final = "/internal/v1/webhook-endpoints"
ENDPOINT_PATH: Final = "/internal/v1/webhook-endpoints/{endpoint}"
ENDPOINT_TEST_PATH: Final = "/internal/v1/webhook-endpoints/{endpoint}/test"
REPLAYS_PATH: Final = "/internal/v1/imported-pasts"

Feedback = Literal["useful", "known_already", "wrong", "bad_timing"]


class Acknowledge(Strict):
    """I have seen it and take care of it."""

    note: str | None = Field(default=None, max_length=4000)


class Resolve(Strict):
    """It is dealt with; the feedback feeds the rule's usefulness."""

    feedback: Feedback
    note: str | None = Field(default=None, max_length=4000)


class AlertChanged(Strict):
    """The alert after the command. `version` is also its ETag."""

    id: str
    version: int
    workflow: Workflow
    condition: str
    resolution: str | None = None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    closed_at: datetime | None = None


class EndpointRequest(Strict):
    """A webhook endpoint to create; its address must lie inside `KIZASHI_EGRESS_ALLOW`."""

    url: str = Field(min_length=8, max_length=2000)
    events: tuple[EventType, ...] = Field(default=(), max_length=20, description="Empty: every type.")
    description: str = Field(default="", max_length=200)


class EndpointAnswer(Strict):
    """A webhook endpoint. `secret` is present in the answer to its creation only."""

    id: str
    version: int
    url: str
    events: tuple[EventType, ...]
    description: str
    enabled: bool
    created_at: datetime
    secret: str | None = None


class EndpointList(Strict):
    """All endpoints of the workspace."""

    results: tuple[EndpointAnswer, ...]


class ImportedPast(Strict):
    """Judge the last `days` reconstructed days from an empty state and open, without notifying, what is TRUE."""

    days: int = Field(default=30, ge=1, le=90)


class ImportedPastAnswer(Strict):
    """What was opened."""

    subjects: int
    opened: int
