"""Calibrations at rest, and the population that a new one is made from.

One is named by the Monday it was made for and by a version of the data before that Monday: the number of active
account-days before it, which can only grow. So a kept calibration is used again exactly while nothing older than its
Monday has changed, and ingesting the future never changes an answer about the past.

Source: SCORING.md 4; HEALTH.md 10, "As-of reads".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from itertools import accumulate
from typing import Any, Literal

from sqlalchemy import desc, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from kizashi_common.contracts.commands.health import WorkspaceSettings
from kizashi_common.db.database import driver_of
from kizashi_common.db.tables import health as t
from kizashi_health.adapters.progress import BUILD
from kizashi_health.domain.calendar import Day, date_of, day_of
from kizashi_health.domain.pulse import Calibration

Kind = Literal["live", "reconstructed"]


async def data_versions(
    connection: AsyncConnection, workspace: str, mondays: Sequence[Day], settings: WorkspaceSettings
) -> dict[Day, bytes]:
    """For each Monday, the name of what its calibration depends on: active account-days before it, and the settings."""
    raw = await driver_of(connection)
    rows = await raw.fetch(
        "SELECT day, sum(active_accounts) AS active FROM health.slot_day"
        " WHERE workspace_id = $1 GROUP BY day ORDER BY day",
        workspace,
    )
    days, active = [day_of(row["day"]) for row in rows], [0, *accumulate(int(row["active"]) for row in rows)]
    stated = settings.model_dump_json()
    return {
        monday: blake2b(f"{active[bisect_left(days, monday)]}|{stated}".encode(), digest_size=16).digest()
        for monday in mondays
    }


async def kept(connection: AsyncConnection, workspace: str, as_of: Day, version: bytes) -> Calibration | None:
    """The calibration of a Monday made from these very data, if one is kept: the one made last, which knows of most
    facts."""
    table = t.calibration
    found = await connection.execute(
        select(table)
        .where(table.c.workspace_id == workspace, table.c.as_of == date_of(as_of), table.c.data_version == version)
        .order_by(desc(table.c.id))
        .limit(1)
    )
    row = found.mappings().one_or_none()
    return None if row is None else calibration_of(row)


async def keep(
    connection: AsyncConnection,
    workspace: str,
    made: Calibration,
    settings: WorkspaceSettings,
    version: bytes,
    how: tuple[Kind, datetime],
) -> Calibration:
    """Stores a calibration; returns it with its id."""
    table = t.calibration
    stored = await connection.execute(
        insert(table)
        .values(
            build_id=BUILD,
            workspace_id=workspace,
            as_of=date_of(made.as_of),
            kind=how[0],
            profile=settings.profile,
            horizon_days=settings.horizon_days,
            prior_pace=made.prior_pace,
            base_rate=made.base_rate,
            intercept=made.intercept,
            slope=made.slope,
            typical=dict(made.typical),
            basis=made.basis,
            accounts=made.accounts,
            outcomes=made.outcomes,
            data_version=version,
            at=how[1],
        )
        .returning(table)
    )
    return calibration_of(stored.mappings().one())


def calibration_of(row: Any) -> Calibration:
    """The calibration in a row."""
    return Calibration(
        id=row["id"],
        as_of=day_of(row["as_of"]),
        basis=row["basis"],
        prior_pace=row["prior_pace"],
        base_rate=row["base_rate"],
        intercept=row["intercept"],
        slope=row["slope"],
        typical=row["typical"],
        accounts=row["accounts"],
        outcomes=row["outcomes"],
    )
