"""An alert's event as everybody sees it: on the topic, in a webhook, in the live stream.

Source: ALERTS.md 12.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from kizashi_alerts.domain.alert import Alert, Scored, Subject
from kizashi_alerts.domain.settle import Happened
from kizashi_common.contracts.alerts import (
    AccountPart,
    AlertData,
    AlertEvent,
    AlertPart,
    EventType,
    Links,
    Notify,
    ReasonPart,
    ScorePart,
)
from kizashi_common.contracts.ids import shown

UNNUMBERED: Final = 0
"""The position of an event that the relay has not seen yet."""


def event_id(object_id: str, number: int) -> str:
    """The id of an object's transition: the same whoever computes it, so a repeat is recognised.

    Source: ALERTS.md 11.
    """
    return shown("evt", uuid5(NAMESPACE_URL, f"urn:kizashi:{object_id}:{number}"))


def of_alert(happened: Happened, event: EventType, notify: Notify, public_url: str) -> AlertEvent:
    """The event of a changed alert."""
    alert = happened.alert
    data = AlertData(
        workspace=alert.identity.workspace,
        position=UNNUMBERED,
        notify=notify,
        alert=_alert_part(alert),
        account=account_part(alert.about),
        score=score_part(alert.score),
        links=_links(alert, public_url),
    )
    return AlertEvent(event, happened.at, data)


def of_band(workspace: str, about: Subject, score: Scored, at: datetime) -> AlertEvent:
    """The event of a score that crossed into another band."""
    data = AlertData(
        workspace=workspace,
        position=UNNUMBERED,
        notify=Notify("hold", "not_news"),
        account=account_part(about),
        score=score_part(score),
    )
    return AlertEvent("score.band_changed", at, data)


def ping(workspace: str, at: datetime) -> AlertEvent:
    """The event that a person sends to see whether an endpoint answers."""
    return AlertEvent("endpoint.ping", at, AlertData(workspace, UNNUMBERED, Notify("hold", "not_news")))


def _alert_part(alert: Alert) -> AlertPart:
    return AlertPart(
        id=shown("alr", alert.id),
        version=alert.version,
        rule=alert.identity.rule_key,
        rule_version=alert.rule_version,
        kind=alert.kind,
        scope=alert.identity.scope,
        severity=alert.severity,
        workflow=alert.workflow,
        condition=alert.condition,
        opened_at=alert.opened_at,
        as_of=alert.as_of,
        complete_through=alert.complete_through,
        title=alert.title["en"],
        owner=alert.owner,
        reopen_count=alert.reopen_count,
        evidence=dict(alert.evidence),
        clears_when=alert.clears_when,
        playbook=alert.playbook,
        recommended_actions=[words["en"] for words in alert.recommended_actions],
        resolution=alert.resolution,
        feedback=alert.feedback,
    )


def account_part(about: Subject) -> AccountPart | None:
    """Whom it is about; None for a source."""
    if about.account_id is None:
        return None
    arr: Mapping[str, str] | None = about.arr
    return AccountPart(shown("acc", about.account_id), about.external_id, about.name, dict(arr) if arr else None)


def score_part(score: Scored) -> ScorePart:
    """The score that was judged."""
    reasons = [ReasonPart(code, points) for code, points in score.reasons]
    return ScorePart(score.value, score.band, score.evidence, reasons)


def _links(alert: Alert, public_url: str) -> Links:
    name = shown("alr", alert.id)
    account = alert.about.account_id
    place = f"/a/{shown('acc', account)}/alerts/{name}" if account is not None else f"/alerts/{name}"
    return Links(public_url.rstrip("/") + place, f"/v1/alerts/{name}")


def object_name(alert_id: UUID) -> str:
    """The name of an alert in the outbox."""
    return shown("alr", alert_id)
