"""How far the partitions are proved, and the wakes that tell the slots.

Source: HEALTH.md 8 and 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from kizashi_common.db.tables import health as t

BUILD: Final = 1
_SLOTS_OF_A_BUILD: Final = 1000


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
        await connection.execute(
            select(slot.c.slot, slot.c.complete_through, slot.c.partitions, slot.c.applied).where(
                slot.c.slot.between(BUILD * _SLOTS_OF_A_BUILD, (BUILD + 1) * _SLOTS_OF_A_BUILD - 1)
            )
        )
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


async def wake_slots(connection: AsyncConnection, slots: Sequence[int], workspace: str, why: str) -> None:
    """Asks every slot to look at a workspace again."""
    if slots:
        await connection.execute(
            insert(t.wake), [{"slot": slot, "workspace_id": workspace, "subject": "", "why": why} for slot in slots]
        )
