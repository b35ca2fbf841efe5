"""What holds for all accounts of a workspace: settings, live calibration, first observed day, revenue quantiles.

Source: SCORING.md 1 and 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import desc, func, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from kizashi_common.contracts.commands.health import WorkspaceSettings
from kizashi_common.db.tables import health as t
from kizashi_common.errors import StaleVersion
from kizashi_health.adapters import calibrations
from kizashi_health.domain.calendar import day_of
from kizashi_health.engine.rows import StoredWorkspace

KIND = "workspace_settings"
KEY = "settings"


class SettingsVersion(NamedTuple):
    """The settings in force and the version of their document; 0 while nobody set any."""

    version: int
    settings: WorkspaceSettings


async def known_workspaces(connection: AsyncConnection) -> list[str]:
    """Every workspace that health has heard of."""
    heard = union(
        select(t.slot_day.c.workspace_id), select(t.document.c.workspace_id), select(t.account.c.workspace_id)
    ).subquery()
    found = await connection.execute(select(heard.c.workspace_id).order_by(heard.c.workspace_id))
    return list(found.scalars())


async def settings_of(connection: AsyncConnection, workspace: str) -> SettingsVersion:
    """The settings of a workspace."""
    doc = t.document
    found = await connection.execute(
        select(doc.c.version, doc.c.body)
        .where(doc.c.workspace_id == workspace, doc.c.kind == KIND, doc.c.key == KEY, doc.c.state == "live")
        .order_by(desc(doc.c.version))
        .limit(1)
    )
    row = found.one_or_none()
    if row is None:
        return SettingsVersion(0, WorkspaceSettings())
    return SettingsVersion(row.version, WorkspaceSettings.model_validate(row.body))


async def publish_settings(
    connection: AsyncConnection,
    workspace: str,
    settings: WorkspaceSettings,
    expected: int | None,
    by: tuple[str, datetime],
) -> SettingsVersion:
    """Makes these the settings, as a new version; the earlier ones are retired and kept.

    Raises: StaleVersion when `expected` is not the version in force.
    """
    doc = t.document
    # Two at once: the second waits for this row lock, and then sees the first one's version.
    await connection.execute(
        select(doc.c.version).where(doc.c.workspace_id == workspace, doc.c.kind == KIND).with_for_update()
    )
    current = await settings_of(connection, workspace)
    if expected is not None and expected != current.version:
        shown: dict[str, object] = {"version": current.version, "settings": current.settings.model_dump(mode="json")}
        raise StaleVersion(f"The settings are at version {current.version}, you sent {expected}.", current=shown)
    await connection.execute(
        doc.update()
        .where(doc.c.workspace_id == workspace, doc.c.kind == KIND, doc.c.state == "live")
        .values(state="retired")
    )
    body = settings.model_dump(mode="json")
    await connection.execute(
        doc.insert().values(
            workspace_id=workspace,
            kind=KIND,
            key=KEY,
            version=current.version + 1,
            state="live",
            body=body,
            hash=sha256(settings.model_dump_json().encode()).digest(),
            author=by[0],
            at=by[1],
        )
    )
    return SettingsVersion(current.version + 1, settings)


async def stored_workspaces(connection: AsyncConnection, workspaces: Iterable[str]) -> dict[str, StoredWorkspace]:
    """The context of each of these workspaces."""
    names = list(workspaces)
    live = await calibrations.latest(connection, names)
    days, census = t.slot_day, t.workspace_day
    firsts = await connection.execute(
        select(days.c.workspace_id, func.min(days.c.day))
        .where(days.c.workspace_id.in_(names))
        .group_by(days.c.workspace_id)
    )
    first_days = {workspace: day_of(day) for workspace, day in firsts.tuples()}
    medians = await connection.execute(
        select(census.c.workspace_id, census.c.medians)
        .distinct(census.c.workspace_id)
        .where(census.c.workspace_id.in_(names))
        .order_by(census.c.workspace_id, desc(census.c.day))
    )
    quantiles = {workspace: tuple(body.get("arr", ())) for workspace, body in medians.tuples()}
    return {
        name: StoredWorkspace(
            (await settings_of(connection, name)).settings,
            live.get(name),
            first_days.get(name),
            quantiles.get(name, ()),
        )
        for name in names
    }
