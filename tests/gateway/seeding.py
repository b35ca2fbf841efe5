"""Rows of the other services' tables, as the owner of the database would write them; defaults nobody needs to read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import asyncpg

from kizashi_common.contracts.ids import account_uuid

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
_ALERTS = UUID("0192f0c1-d2e3-7abc-8def-0123456789ab")

SILENCE = {"code": "SILENCE", "points": -14.1, "text": "9 operating days silent, 6.3 active days missed"}
PULSE: Mapping[str, Any] = {
    "probability": 0.14,
    "low": 0.09,
    "high": 0.21,
    "health": 51.2,
    "baseline": 72.0,
    "points": {"silence": -14.1, "overdue": -6.7, "pace": 1.2, "fading": -0.4, "youth": -0.8},
    "scale": 0.0,
    "base": 0.03,
    "horizon_days": 30,
    "profile": "lapse",
    "calibration_id": 41,
    "basis": "inactivity",
}


@dataclass(frozen=True)
class Card:
    """An account's row. `risk` is its revenue at risk, the key of the portfolio's order."""

    external_id: str
    workspace: str = "demo"
    name: str | None = "Acme KK"
    owner: str | None = "aiko@vendor.example"
    lifecycle: str = "live"
    score: float | None = 51.2
    band: str | None = "watch"
    evidence: str = "ok"
    change: float | None = -20.8
    probability: float | None = 0.14
    arr: float | None = 4_800_000.0
    currency: str | None = "JPY"
    risk: float = 672_000.0
    renewal: date | None = date(2026, 12, 31)
    stale: bool = False
    reasons: tuple[Mapping[str, Any], ...] = (SILENCE,)
    pulse: Mapping[str, Any] | None = field(default_factory=lambda: dict(PULSE))
    signals: Mapping[str, Any] = field(
        default_factory=lambda: {
            "usage.silent_days": 9.0,
            "usage.missed_days": 6.3,
            "usage.active_days_28": 4.0,
            "users.active_28": 7.0,
            "seats.used_ratio": 0.35,
            "usage.last_active_day": "2026-11-11",
        }
    )
    band_held: str | None = None
    as_of: datetime = NOW

    @property
    def id(self) -> UUID:
        return account_uuid(self.workspace, self.external_id)

    @property
    def shown(self) -> str:
        return f"acc_{self.id.hex}"


@dataclass(frozen=True)
class AlertRow:
    """An alert's row."""

    account: Card
    number: int = 0
    rule: str = "risk.silence"
    kind: str = "risk"
    severity: str = "high"
    workflow: str = "open"
    condition: str = "active"
    title: Mapping[str, str] = field(
        default_factory=lambda: {"en": "Silent against its own rhythm", "ja": "通常のリズムに比べて利用が途絶"}
    )
    actions: tuple[Any, ...] = (
        {"en": "Read reasons and score diff", "ja": "理由とスコア差分を確認"},
        {"en": "Call the champion and ask what changed", "ja": "推進者に電話し変化を確認"},
        {"en": "Agree one use goal for 30 days", "ja": "30日間の利用目標を合意"},
    )
    evidence: Mapping[str, Any] = field(
        default_factory=lambda: {"usage.silent_days": 9, "usage.missed_days": 6.3, "usage.active_days_28": 4}
    )
    clears_when: str = "usage.missed_days < 1 for 1d"
    version: int = 1
    opened: datetime = NOW - timedelta(days=2)
    closed: datetime | None = None
    resolution: str | None = None
    feedback: str | None = None
    note: str | None = None
    acknowledged_by: str | None = None

    @property
    def id(self) -> UUID:
        name = f"{self.account.workspace}/{self.account.external_id}/{self.rule}/{self.number}"
        return uuid5(_ALERTS, name)

    @property
    def shown(self) -> str:
        return f"alr_{self.id.hex}"


class Seeds:
    """Writes rows as the database's owner."""

    def __init__(self, owner_url: str) -> None:
        self._url = owner_url

    async def run(self, sql: str, *values: Any) -> Any:
        connection = await asyncpg.connect(self._url)
        try:
            return await connection.fetch(sql, *values)
        finally:
            await connection.close()

    async def cards(self, *cards: Card) -> None:
        for card in cards:
            body = {
                "pulse": card.pulse,
                "reasons": list(card.reasons),
                "contributions": [],
                "signals": dict(card.signals),
                "band_held": card.band_held,
            }
            await self.run(
                "INSERT INTO health.account_card VALUES"
                " ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25)",
                card.workspace,
                card.id,
                card.external_id,
                card.name,
                card.owner,
                card.lifecycle,
                card.score,
                card.band,
                card.evidence,
                0.5,
                card.change,
                card.probability,
                30,
                json.dumps(list(card.reasons)[:3]),
                card.arr,
                card.currency,
                card.risk,
                card.arr is not None,
                card.renewal,
                date(2026, 11, 11),
                card.as_of,
                card.as_of - timedelta(seconds=4),
                card.stale,
                812,
                json.dumps(body),
            )

    async def days(self, card: Card, scores: Mapping[date, float], basis: str = "published") -> None:
        for day, score in scores.items():
            band = "good" if score >= 70 else "watch" if score >= 40 else "risk"
            await self.run(
                "INSERT INTO health.account_score_day VALUES ($1,$2,$3,'default@1',$4,$5,$6,$7,'ok',41,'{}','{}')",
                card.workspace,
                card.id,
                day,
                basis,
                score,
                band,
                1 / (1 + math.exp(3.2 + (score - 70) * math.log(2) / 10)),
            )

    async def fact(self, card: Card, name: str, value: Any, at: datetime = NOW - timedelta(days=90)) -> None:
        await self.run(
            "INSERT INTO health.fact VALUES ($1,$2,$3,'',$4,$5,$6,$4,'event',null)",
            card.workspace,
            card.id,
            name,
            at,
            f"{name}-{at.isoformat()}",
            json.dumps(value),
        )

    async def zone(self, workspace: str, zone: str) -> None:
        """What the settings of a workspace say."""
        await self.run(
            "INSERT INTO health.document (workspace_id, kind, key, version, state, body, hash, author, at)"
            " VALUES ($1, 'workspace_settings', 'settings', 1, 'live', $2, '', 'mem_1', $3)",
            workspace, json.dumps({"zone": zone}), NOW,
        )  # fmt: skip

    async def alerts(self, *rows: AlertRow) -> None:
        for row in rows:
            account = {"id": row.account.shown, "external_id": row.account.external_id, "name": row.account.name}
            score = {"value": row.account.score, "band": row.account.band, "evidence": "ok", "reasons": []}
            await self.run(
                "INSERT INTO alerts.alert (id, workspace_id, subject, rule_key, rule_version, kind, episode,"
                " account_id, external_id, account, title, clears_when, playbook, recommended_actions, condition,"
                " severity, peak_severity, evidence, score, as_of, complete_through, workflow, owner, acknowledged_by,"
                " acknowledged_at, resolution, feedback, note, version, opened_at, closed_at) VALUES"
                " ($1,$2,$3,$4,1,$5,$6,$7,$8,$9,$10,$11,'win-back-use',$12,$13,$14,$14,$15,$16,$17,$17,$18,$19,$20,$21,"
                "$22,$23,$24,$25,$26,$27)",
                row.id,
                row.account.workspace,
                f"a:{row.account.shown}",
                row.rule,
                row.kind,
                row.number,
                row.account.id,
                row.account.external_id,
                json.dumps(account),
                json.dumps(dict(row.title)),
                row.clears_when,
                json.dumps(list(row.actions)),
                row.condition,
                row.severity,
                json.dumps(dict(row.evidence)),
                json.dumps(score),
                row.opened,
                row.workflow,
                row.account.owner,
                row.acknowledged_by,
                row.opened + timedelta(hours=3) if row.acknowledged_by else None,
                row.resolution,
                row.feedback,
                row.note,
                row.version,
                row.opened,
                row.closed,
            )

    async def progress(self, through: datetime) -> None:
        await self.run(
            "INSERT INTO health.consumer_slot (slot, topic, part, partitions, complete_through) VALUES"
            " (1000, 'kizashi.events.v1', 0, 1, $1)",
            through,
        )
