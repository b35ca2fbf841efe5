"""Reconstructed day scores on their way in, and day scores as snapshots on their way out to alerts.

Source: HEALTH.md 11 and 16.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import structs
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from kizashi_common.contracts.ids import shown
from kizashi_common.contracts.scores import Score
from kizashi_common.db.copying import Upsert
from kizashi_common.db.tables import health as t
from kizashi_health.domain.calendar import date_of, day_of, midnight
from kizashi_health.domain.evaluation import Evaluation
from kizashi_health.domain.score import MODEL
from kizashi_health.engine.rows import StoredAccount

_BASIS: Final = "reconstructed"


class HistoryWriter:
    """Writes reconstructed rows, one transaction per account."""

    def __init__(self) -> None:
        self._rows = Upsert(t.account_score_day)

    async def write(self, connection: Any, stored: StoredAccount, evaluations: Sequence[Evaluation]) -> int:
        """Writes an account's rows; returns how many."""
        rows = [
            (
                stored.key.workspace,
                stored.id,
                date_of(one.moment.as_of),
                MODEL,
                _BASIS,
                one.score.computed,
                one.score.band,
                None if one.pulse is None else one.pulse.probability,
                one.score.evidence,
                None,
                json.dumps(dict(one.points)),
                json.dumps(dict(one.signals)),
            )
            for one in evaluations
        ]
        async with connection.transaction():
            await self._rows.write(connection, rows)
        return len(rows)


async def accounts_after(connection: AsyncConnection, workspace: str, after: UUID | None, limit: int) -> list[Any]:
    """The next accounts in id order, with what a snapshot shows of them."""
    card = t.account_card
    query = select(card).where(card.c.workspace_id == workspace).order_by(card.c.account_id).limit(limit)
    if after is not None:
        query = query.where(card.c.account_id > after)
    return list((await connection.execute(query)).mappings())


async def snapshots_of(
    connection: AsyncConnection, cards: Sequence[Any], since: Any, zone: ZoneInfo
) -> dict[UUID, list[Score]]:
    """The reconstructed days of these accounts as snapshots, per account in order of `as_of`."""
    if not cards:
        return {}
    days, by_id = t.account_score_day, {card["account_id"]: card for card in cards}
    found = await connection.execute(
        select(days)
        .where(
            days.c.workspace_id == cards[0]["workspace_id"],
            days.c.account_id.in_(by_id),
            days.c.basis == _BASIS,
            days.c.model == MODEL,
            days.c.day >= since,
        )
        .order_by(days.c.account_id, days.c.day)
    )
    past: dict[UUID, list[Score]] = defaultdict(list)
    for row in found.mappings():
        past[row["account_id"]].append(_snapshot(row, by_id[row["account_id"]], zone))
    return past


def present_of(card: Any, evaluation: Evaluation, through: datetime, zone: ZoneInfo) -> Score:
    """What an account is now, in the same shape."""
    result, moment = evaluation.score, evaluation.moment
    read = {
        "day": date_of(moment.as_of),
        "score": result.computed,
        "band": result.band,
        "evidence": result.evidence,
        "model": result.model,
        "points": evaluation.points,
        "signals": dict(evaluation.signals),
    }
    told = _snapshot({**card, **read}, card, zone)
    return structs.replace(told, as_of=moment.facts_before, complete_through=through)


def _snapshot(row: Any, card: Any, zone: ZoneInfo) -> Score:
    at = midnight(day_of(row["day"]), zone)
    return Score(
        workspace=row["workspace_id"],
        id=shown("acc", row["account_id"]),
        external_id=card["external_id"],
        seq=card["score_seq"],
        as_of=at,
        day=row["day"],
        complete_through=at,
        stale=False,
        reason="time",
        score=row["score"],
        computed=row["score"],
        band=row["band"],
        previous_band=None,
        evidence=row["evidence"],
        coverage=card["coverage"],
        model=row["model"],
        contributions=[],
        adjustments=[],
        biggest_drag=None,
        pulse=None,
        points=row["points"],
        signals=row["signals"],
        name=card["name"],
        owner=card["owner"],
        arr=None if card["arr"] is None else f"{card['arr']:.10g}",
        currency=card["currency"],
    )
