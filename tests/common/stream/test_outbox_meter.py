"""A shared outbox that nobody sends is seen by whoever looks, and ages even while PostgreSQL cannot be asked."""

from __future__ import annotations

import asyncpg
from prometheus_client.registry import REGISTRY

from kizashi_common.db.tables.alerts import event_outbox
from kizashi_common.stream.outbox_meter import OutboxMeter
from tests.chaos.proxy import proxied
from tests.conftest import START, Databases


def seen() -> tuple[float | None, float | None]:
    names = ("kizashi_outbox_pending_rows", "kizashi_outbox_oldest_age_seconds")
    pending, age = (REGISTRY.get_sample_value(name, {"service": "outbox-test"}) for name in names)
    return pending, age


async def test_rows_are_counted_and_the_oldest_ages(databases: Databases) -> None:
    owner = await asyncpg.connect(databases.owner_url)
    async with proxied(databases.urls["alerts"]) as (proxy, database):
        meter = OutboxMeter(database, event_outbox, "outbox-test")
        await meter.look(0.0)
        assert seen() == (0, 0)
        for number in range(3):
            await owner.execute(
                "INSERT INTO alerts.event_outbox (id, workspace_id, object, number, type, key, body, at)"
                " VALUES ($1, 'demo', 'alert', $2, 'alert.opened', '', '', $3)",
                f"evt_{number}",
                number,
                START,
            )
        await meter.look(10.0)
        await meter.look(25.0)
        assert seen() == (3, 15)
        proxy.leave()
        await meter.look(100.0)
        assert seen() == (3, 90)
        proxy.come_back()
        await owner.execute("DELETE FROM alerts.event_outbox WHERE number = 0")
        await meter.look(101.0)
        assert seen() == (2, 91), "the next in the queue has waited as long"
        await owner.execute("DELETE FROM alerts.event_outbox")
        await meter.look(102.0)
        assert seen() == (0, 0)
        await database.close()
    await owner.close()
