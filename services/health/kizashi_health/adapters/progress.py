"""How far the partitions are proved, the days a workspace has begun, and the wakes that tell the slots.

Source: HEALTH.md 8 and 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from kizashi_common.db.tables import health as t

BUILD = 1


class Progress(NamedTuple):
    """What is proved over all slots: the earliest and the latest; None while one slot has no proof at all."""

    earliest: datetime | None
    latest: datetime | None
    slots: tuple[int, ...]
    applied: int
    """Events counted so far: while it stands, nothing that scores are made of has changed."""


async def progress(connection: AsyncConnection) -> Progress:
    """How far every slot of the build is."""
    slot = t.slots.consumer_slot
    rows = (
        await connection.execute(select(slot.c.slot, slot.c.complete_through, slot.c.partitions, slot.c.applied))
    ).all()
    throughs = [row.complete_through for row in rows]
    is_whole = bool(rows) and len(rows) == rows[0].partitions and None not in throughs
    known = [through for through in throughs if through is not None]
    return Progress(
        earliest=min(known) if is_whole else None,
        latest=max(known, default=None),
        slots=tuple(sorted(row.slot for row in rows)),
        applied=sum(row.applied for row in rows),
    )


async def last_day(connection: AsyncConnection, workspace: str) -> date | None:
    """The last day that was begun for a workspace."""
    days = t.workspace_day
    found = await connection.execute(select(func.max(days.c.day)).where(days.c.workspace_id == workspace))
    day: date | None = found.scalar_one()
    return day


async def begin_day(
    connection: AsyncConnection,
    workspace: str,
    day: date,
    arr: Sequence[float],
    made: tuple[int | None, datetime, bool],
) -> bool:
    """Notes that a day began; False when somebody else did so already. `made` is (calibration id, now, partial)."""
    calibration_id, at, partial = made
    done = await connection.execute(
        upsert(t.workspace_day)
        .values(
            build_id=BUILD,
            workspace_id=workspace,
            day=day,
            calibration_id=calibration_id,
            medians={"arr": list(arr)},
            ready_at=at,
            partial=partial,
        )
        .on_conflict_do_nothing()
        .returning(t.workspace_day.c.day)
    )
    return done.scalar_one_or_none() is not None


async def renew_revenues(connection: AsyncConnection, workspace: str, day: date, arr: Sequence[float]) -> None:
    """Corrects what a day that began before its facts arrived says of the workspace's revenues."""
    days = t.workspace_day
    await connection.execute(
        days.update()
        .where(days.c.build_id == BUILD, days.c.workspace_id == workspace, days.c.day == day)
        .values(medians={"arr": list(arr)})
    )


async def wake_slots(connection: AsyncConnection, slots: Sequence[int], workspace: str, why: str) -> None:
    """Asks every slot to look at a workspace again."""
    if slots:
        await connection.execute(
            insert(t.wake), [{"slot": slot, "workspace_id": workspace, "subject": "", "why": why} for slot in slots]
        )
