"""What concerns every account of a workspace goes through them page by page: all of them, once, in bounded memory."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest

from kizashi_common.runtime.service import Service
from kizashi_health.engine.rows import PAGE
from tests.builders import NOON, an_event
from tests.conftest import Databases
from tests.health.harness import Health, until
from tests.health.test_internal import asking

ACCOUNTS = 8 * 3 * PAGE
"""Eight partitions: three pages in each, and more accounts than a partition holds in memory."""
IN_MEMORY = 100
SMALL = {"KIZASHI_STATE_MAX_ACCOUNTS": str(IN_MEMORY)}


@pytest.fixture
def health(databases: Databases) -> Health:
    return Health(databases)


async def quiet(health: Health, service: Service, day: date) -> None:
    """The day has begun, and no wake waits."""
    await health.beat()
    await until(lambda: _has_begun(health, day), 30)
    await service.drains[0].run()


async def _has_begun(health: Health, day: date) -> bool:
    (row,) = await health.rows(
        "SELECT EXISTS (SELECT FROM health.workspace_day WHERE day = $1)"
        " AND NOT EXISTS (SELECT FROM health.wake) AS so",
        day,
    )
    return bool(row["so"])


def held(service: Service) -> int:
    runner: Any = service.drains[0].run.__self__  # type: ignore[attr-defined]
    return max(slot.engine.size.accounts for slot in runner.live.values())


def told(health: Health, day: date) -> Counter[tuple[str, str, int]]:
    """Account, reason and horizon of what was told of a day."""
    scores = [one for one in health.published() if one.day == day]
    return Counter((one.external_id, one.reason, one.pulse.horizon_days if one.pulse else 0) for one in scores)


async def test_a_sweep_over_missed_days_and_new_settings_reach_every_account_once(health: Health) -> None:
    service = health.compose(environment=SMALL)
    names = {f"account-{i}" for i in range(ACCOUNTS)}
    async with health.running(service), asking(service) as client:
        for name in sorted(names):
            await health.send(*(an_event(f"{name}-{d}", name, NOON - timedelta(days=d)) for d in (3, 9)))
        await quiet(health, service, NOON.date())
        health.clock.advance(timedelta(days=2))
        await quiet(health, service, date(2026, 11, 26))
        assert held(service) <= IN_MEMORY + PAGE
        made = await client.put("/internal/v1/workspace-settings", json={"horizon_days": 60}, headers={"if-match": "*"})
        assert made.status_code == 200
        await quiet(health, service, date(2026, 11, 26))
    rows = await health.rows("SELECT day, count(*) AS n FROM health.account_score_day GROUP BY day ORDER BY day")
    assert [(row["day"].day, row["n"]) for row in rows] == [(25, ACCOUNTS), (26, ACCOUNTS)]
    assert told(health, date(2026, 11, 26)) == Counter(
        {(name, reason, horizon): 1 for name in names for reason, horizon in (("time", 30), ("model_change", 60))}
    )
    assert told(health, date(2026, 11, 25)) == Counter()
