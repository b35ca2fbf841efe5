"""The days that a workspace has begun. Each names the calibration in force on it, and what it says of all accounts.

Which calibration holds is written here and nowhere else: a newer row of `calibration` changes nothing by being there.

Source: HEALTH.md 9; SCORING.md 4.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, desc, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from kizashi_common.db.database import driver_of
from kizashi_common.db.tables import health as t
from kizashi_health.adapters.calibrations import calibration_of
from kizashi_health.adapters.progress import BUILD
from kizashi_health.domain.calendar import Day, date_of, day_of
from kizashi_health.engine.rows import Begun


class How(NamedTuple):
    """What is noted of a day beside its revenues. `partial`: some partition's input was not proved up to it."""

    calibration_id: int | None
    at: datetime
    partial: bool


async def agree_alone(connection: AsyncConnection, workspace: str) -> None:
    """Until this transaction ends nobody else decides which calibration of the workspace is in force."""
    raw = await driver_of(connection)
    await raw.execute("SELECT pg_advisory_xact_lock(hashtextextended('calibration in force ' || $1, 0))", workspace)


async def newest_days(connection: AsyncConnection, workspaces: Collection[str]) -> dict[str, Begun]:
    """The last day that each of these workspaces has begun."""
    days = t.workspace_day
    return await _begun(
        connection,
        _with_calibration()
        .distinct(days.c.workspace_id)
        .where(days.c.workspace_id.in_(workspaces))
        .order_by(days.c.workspace_id, desc(days.c.day)),
    )


async def day_at(connection: AsyncConnection, workspace: str, day: Day) -> Begun | None:
    """The last day begun up to `day`: what was known of the whole workspace then."""
    days = t.workspace_day
    found = await _begun(
        connection,
        _with_calibration()
        .where(days.c.workspace_id == workspace, days.c.day <= date_of(day))
        .order_by(desc(days.c.day))
        .limit(1),
    )
    return found.get(workspace)


async def days_of(connection: AsyncConnection, wanted: Collection[tuple[str, Day]]) -> dict[tuple[str, Day], Begun]:
    """Those of these workspaces' days that have begun."""
    days = t.workspace_day
    named = [(workspace, date_of(day)) for workspace, day in wanted]
    rows = await connection.execute(_with_calibration().where(tuple_(days.c.workspace_id, days.c.day).in_(named)))
    return {(row["workspace_id"], begun.day): begun for row in rows.mappings() for begun in (_begun_of(row),)}


async def begin_day(connection: AsyncConnection, workspace: str, day: date, arr: Sequence[float], how: How) -> None:
    """Notes that a day began."""
    await connection.execute(
        insert(t.workspace_day)
        .values(
            build_id=BUILD,
            workspace_id=workspace,
            day=day,
            calibration_id=how.calibration_id,
            medians={"arr": list(arr)},
            ready_at=how.at,
            partial=how.partial,
        )
        .on_conflict_do_nothing()
    )


async def put_in_force(connection: AsyncConnection, workspace: str, day: Day, calibration_id: int | None) -> None:
    """From a day that has begun already, another calibration is in force."""
    await _correct(connection, workspace, day, {"calibration_id": calibration_id})


async def renew_revenues(connection: AsyncConnection, workspace: str, day: Day, arr: Sequence[float]) -> None:
    """Corrects what a day that began before its facts arrived says of the workspace's revenues."""
    await _correct(connection, workspace, day, {"medians": {"arr": list(arr)}})


async def _correct(connection: AsyncConnection, workspace: str, day: Day, values: dict[str, Any]) -> None:
    days = t.workspace_day
    await connection.execute(
        days.update()
        .where(days.c.build_id == BUILD, days.c.workspace_id == workspace, days.c.day == date_of(day))
        .values(**values)
    )


def _with_calibration() -> Any:
    days, made = t.workspace_day, t.calibration
    joined = days.outerjoin(made, and_(made.c.workspace_id == days.c.workspace_id, made.c.id == days.c.calibration_id))
    kept = [column for column in made.c if column.name != "workspace_id"]
    return select(days.c.workspace_id, days.c.day, days.c.medians, *kept).select_from(joined)


async def _begun(connection: AsyncConnection, query: Any) -> dict[str, Begun]:
    return {row["workspace_id"]: _begun_of(row) for row in (await connection.execute(query)).mappings()}


def _begun_of(row: Any) -> Begun:
    calibration = None if row["id"] is None else calibration_of(row)
    return Begun(day_of(row["day"]), calibration, tuple(row["medians"].get("arr", ())))
