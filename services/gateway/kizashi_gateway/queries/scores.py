"""The history of an account's score, one row per local day, as it was shown then or reconstructed later.

Source: HEALTH.md 10, "As-of reads"; GATEWAY.md 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from kizashi_common.db.database import Database
from kizashi_common.db.views import ACCOUNT_SCORE_DAY

_day = ACCOUNT_SCORE_DAY.clause.c


@dataclass(frozen=True)
class ScoreDay:
    """A day's score. `basis` is `published` (what people saw) or `reconstructed` (what they would have seen)."""

    day: date
    score: float | None
    band: str | None
    probability: float | None
    evidence: str
    model: str
    basis: str


class Scores:
    """Reads score history."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def between(self, workspace: str, account_id: UUID, start: date, end: date) -> tuple[ScoreDay, ...]:
        """The rows of the days from `start` to `end`, both included, oldest first; both bases side by side."""
        query = (
            select(ACCOUNT_SCORE_DAY.clause)
            .where(
                _day.workspace_id == workspace,
                _day.account_id == account_id,
                _day.day >= start,
                _day.day <= end,
            )
            .order_by(_day.day, _day.model, _day.basis)
        )
        async with self._database.transaction(workspace, read_only=True) as connection:
            return tuple(_score_day(row) for row in await connection.execute(query))

    async def of_many(
        self, workspace: str, accounts: Sequence[UUID], start: date, end: date
    ) -> dict[UUID, tuple[ScoreDay, ...]]:
        """The same for several accounts at once."""
        query = (
            select(ACCOUNT_SCORE_DAY.clause)
            .where(
                _day.workspace_id == workspace,
                _day.account_id.in_(accounts),
                _day.day >= start,
                _day.day <= end,
            )
            .order_by(_day.account_id, _day.day)
        )
        found: dict[UUID, list[ScoreDay]] = {}
        async with self._database.transaction(workspace, read_only=True) as connection:
            for row in await connection.execute(query):
                found.setdefault(row.account_id, []).append(_score_day(row))
        return {account: tuple(days) for account, days in found.items()}


def _score_day(row: Row[Any]) -> ScoreDay:
    return ScoreDay(row.day, row.score, row.band, row.probability, row.evidence, row.model, row.basis)


def one_per_day(days: tuple[ScoreDay, ...]) -> tuple[ScoreDay, ...]:
    """One row for each day, what was published before what was reconstructed."""
    chosen: dict[date, ScoreDay] = {}
    for row in days:
        if row.day not in chosen or row.basis == "published":
            chosen[row.day] = row
    return tuple(chosen[day] for day in sorted(chosen))
