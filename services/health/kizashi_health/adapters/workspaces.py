"""What holds for all accounts of a workspace: settings, first observed day, and what its last day began with.

Source: SCORING.md 1 and 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import desc, func, select, text, union
from sqlalchemy.ext.asyncio import AsyncConnection

from kizashi_common.contracts.commands.health import WorkspaceSettings
from kizashi_common.db.tables import health as t
from kizashi_common.errors import StaleVersion
from kizashi_health.adapters.days import newest_days
from kizashi_health.domain.calendar import day_of
from kizashi_health.engine.rows import StoredWorkspace

KIND = "workspace_settings"
KEY = "settings"


_WITH_ACCOUNTS = text("""
WITH RECURSIVE found AS (
  (SELECT workspace_id FROM health.account_card ORDER BY workspace_id LIMIT 1)
  UNION ALL
  SELECT (SELECT later.workspace_id FROM health.account_card later WHERE later.workspace_id > found.workspace_id
          ORDER BY later.workspace_id LIMIT 1)
  FROM found WHERE found.workspace_id IS NOT NULL
) SELECT workspace_id FROM found WHERE workspace_id IS NOT NULL
""")


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


async def workspaces_with_accounts(connection: AsyncConnection) -> list[str]:
    """Those of which some account has a card; asked every second, so it jumps from one to the next in the index."""
    return [row.workspace_id for row in await connection.execute(_WITH_ACCOUNTS)]


async def settings_of(connection: AsyncConnection, workspace: str) -> SettingsVersion:
    """The settings of a workspace."""
    return (await _settings(connection, [workspace]))[workspace]


async def _settings(connection: AsyncConnection, workspaces: Sequence[str]) -> dict[str, SettingsVersion]:
    doc = t.document
    found = await connection.execute(
        select(doc.c.workspace_id, doc.c.version, doc.c.body)
        .distinct(doc.c.workspace_id)
        .where(doc.c.workspace_id.in_(workspaces), doc.c.kind == KIND, doc.c.key == KEY, doc.c.state == "live")
        .order_by(doc.c.workspace_id, desc(doc.c.version))
    )
    stated = {
        row.workspace_id: SettingsVersion(row.version, WorkspaceSettings.model_validate(row.body)) for row in found
    }
    return {name: stated.get(name) or SettingsVersion(0, WorkspaceSettings()) for name in workspaces}


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
    names, days = list(workspaces), t.slot_day
    begun = await newest_days(connection, names)
    firsts = await connection.execute(
        select(days.c.workspace_id, func.min(days.c.day))
        .where(days.c.workspace_id.in_(names))
        .group_by(days.c.workspace_id)
    )
    first_days = {workspace: day_of(day) for workspace, day in firsts.tuples()}
    stated = await _settings(connection, names)
    return {name: StoredWorkspace(stated[name].settings, first_days.get(name), begun.get(name)) for name in names}
