"""An evaluation as the message of `kizashi.scores.v1`, and as the account's card.

Source: HEALTH.md 10; GATEWAY.md 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from kizashi_common.contracts import scores
from kizashi_common.contracts.envelope import JSON, TRACEPARENT, Headers, Outgoing
from kizashi_common.contracts.ids import shown
from kizashi_common.contracts.partitioning import account_key
from kizashi_common.contracts.scores import PulsePart, Reason, Score
from kizashi_health.domain.calendar import date_of
from kizashi_health.domain.card import Card, card
from kizashi_health.domain.evaluation import Evaluation
from kizashi_health.domain.signal import Workspace
from kizashi_health.engine.subject import Subject


class Stamp(NamedTuple):
    """What a message says of itself: its number, why it was sent, up to when its input was proved."""

    seq: int
    reason: Reason
    as_of: datetime
    complete_through: datetime | None
    stale: bool


def snapshot(subject: Subject, workspace: Workspace, evaluation: Evaluation, stamp: Stamp) -> Score:
    """The full picture of an account at one moment."""
    result, read = evaluation.score, card(subject.account, workspace, evaluation)
    return Score(
        workspace=subject.key.workspace,
        id=shown("acc", subject.id),
        external_id=subject.key.external_id,
        seq=stamp.seq,
        as_of=stamp.as_of,
        day=date_of(evaluation.moment.as_of),
        complete_through=stamp.complete_through,
        stale=stamp.stale,
        reason=stamp.reason,
        score=result.value,
        computed=result.computed,
        band=result.band,
        previous_band=subject.published.band,
        evidence=result.evidence,
        coverage=result.coverage,
        model=result.model,
        contributions=list(result.contributions),
        adjustments=list(result.adjustments),
        biggest_drag=result.biggest_drag,
        pulse=_pulse(evaluation, workspace),
        points=dict(evaluation.points),
        signals=dict(evaluation.signals),
        name=read.name,
        owner=read.owner,
        arr=None if read.arr is None else f"{read.arr:.10g}",
        currency=read.currency,
    )


def message(score: Score, trace: str | None = None) -> Outgoing:
    """The record of a snapshot, with the trace that caused it where one is recorded."""
    headers: Headers = (("content-type", JSON), ("workspace", score.workspace.encode()))
    if trace is not None:
        headers = (*headers, (TRACEPARENT, trace.encode()))
    return Outgoing(account_key(score.workspace, score.external_id).encode(), scores.encode(score), headers)


def card_row(subject: Subject, workspace: Workspace, evaluation: Evaluation, stamp: Stamp) -> Mapping[str, Any]:
    """The row of `health.account_card`. JSON members are texts already."""
    read = card(subject.account, workspace, evaluation)
    return {
        "workspace_id": subject.key.workspace,
        "account_id": subject.id,
        "external_id": subject.key.external_id,
        **_columns(read),
        "horizon_days": int(workspace.settings.horizon),
        "as_of": stamp.as_of,
        "complete_through": stamp.complete_through,
        "stale": stamp.stale,
        "score_seq": stamp.seq,
        "body": _json(_body(evaluation, workspace)),
    }


def _json(value: object) -> str:
    """Text for a JSON column. A card is written for every account that moved, hence not the standard library's."""
    return msgspec.json.encode(value).decode()


def _columns(read: Card) -> dict[str, Any]:
    return {
        "name": read.name,
        "owner": read.owner,
        "lifecycle": read.lifecycle,
        "score": read.score,
        "band": read.band,
        "evidence": read.evidence,
        "coverage": read.coverage,
        "change_28": read.change_28,
        "probability": read.probability,
        "top_reasons": _json(
            [{"code": reason.code, "points": reason.points, "text": reason.text} for reason in read.top_reasons]
        ),
        "arr": read.arr,
        "currency": read.currency,
        "revenue_at_risk": read.revenue_at_risk,
        "revenue_known": read.revenue_known,
        "renewal_date": read.renewal_date,
        "last_active_day": read.last_active_day,
    }


def _body(evaluation: Evaluation, workspace: Workspace) -> dict[str, Any]:
    pulse, calibration = evaluation.pulse, workspace.calibration
    return {
        "pulse": None
        if pulse is None
        else {
            "probability": pulse.probability,
            "low": pulse.low,
            "high": pulse.high,
            "health": pulse.health,
            "baseline": pulse.baseline,
            "points": dict(pulse.points),
            "scale": pulse.scale,
            "base": calibration.base_rate,
            "horizon_days": int(workspace.settings.horizon),
            "profile": workspace.settings.profile,
            "calibration_id": calibration.id,
            "basis": calibration.basis,
        },
        "reasons": [{"code": r.code, "points": r.points, "text": r.text} for r in evaluation.reasons],
        "contributions": [
            {"measure": c.measure, "won": c.won, "missed": c.missed, "status": c.status}
            for c in evaluation.score.contributions
        ],
        "signals": dict(evaluation.signals),
        "model": evaluation.score.model,
        "band_held": evaluation.score.band_held,
    }


def _pulse(evaluation: Evaluation, workspace: Workspace) -> PulsePart | None:
    pulse = evaluation.pulse
    if pulse is None:
        return None
    return PulsePart(
        probability=pulse.probability,
        low=pulse.low,
        high=pulse.high,
        health=pulse.health,
        baseline=pulse.baseline,
        base=workspace.calibration.base_rate,
        horizon_days=int(workspace.settings.horizon),
        profile=workspace.settings.profile,
        calibration=workspace.calibration.id,
    )
