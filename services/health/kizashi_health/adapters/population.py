"""All accounts of a workspace as calibration sees them: active days, first naming, and the few facts that matter.

Source: SCORING.md 4.
"""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from kizashi_common.db.database import driver_of
from kizashi_health.adapters.accounts import day_set, facts_of
from kizashi_health.domain.account import Account
from kizashi_health.domain.activity import Activity
from kizashi_health.domain.calendar import day_of
from kizashi_health.domain.fact import Facts


async def population(connection: AsyncConnection, workspace: str) -> list[Account]:
    """Every account; its activity holds active days only."""
    raw = await driver_of(connection)
    rows = await raw.fetch(
        "SELECT account_id, external_id, created_day, bits_from, active_bits FROM health.account"
        " WHERE workspace_id = $1 ORDER BY account_id",
        workspace,
    )
    facts = await facts_of(raw, [workspace], [row["account_id"] for row in rows])
    accounts = []
    for row in rows:
        activity = Activity()
        activity.days = day_set(row)
        known = facts.get(row["account_id"], Facts())
        accounts.append(Account(row["external_id"], day_of(row["created_day"]), activity, known))
    return accounts
