"""Many writers, one elected relay: each message once numbered, whoever is elected. Source: ALERTS.md 11."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from kizashi_alerts.application.dispatch import Dispatch, stamped
from kizashi_common.contracts.alerts import decode
from kizashi_common.contracts.topics import ALERTS
from kizashi_common.stream.shared_outbox import Relay
from tests.alerts.stage import SILENT, Stage
from tests.alerts.world import a_score
from tests.conftest import START

POLL = timedelta(milliseconds=50)


def a_relay(stage: Stage) -> Relay:
    return Relay(
        stage.database,
        stage.bus.producer(),
        ALERTS.name,
        stage.alerts.outbox,
        stamped,
        Dispatch(stage.deliveries, stage.clock),
    )


async def positions(stage: Stage, count: int) -> list[int]:
    """The positions on the topic, once there are so many."""
    async with asyncio.timeout(20):
        while len(stage.bus.records(ALERTS.name)) < count:
            await asyncio.sleep(0.01)
    return sorted(decode(record.value).data.position for record in stage.bus.records(ALERTS.name))


async def test_when_the_elected_relay_ends_another_goes_on_where_it_stopped(stage: Stage) -> None:
    first, second = a_relay(stage), a_relay(stage)
    working = [asyncio.ensure_future(relay.run(POLL)) for relay in (first, second)]
    try:
        for number in range(1, 4):
            await stage.tell(a_score(1, START, dict(SILENT), external_id=f"a{number}"))
            assert await positions(stage, number) == list(range(1, number + 1))
        working[0].cancel()
        await asyncio.wait([working[0]])
        for number in range(4, 7):
            await stage.tell(a_score(1, START, dict(SILENT), external_id=f"a{number}"))
            assert await positions(stage, number) == list(range(1, number + 1))
        await second.drained()
        assert await stage.rows("SELECT * FROM alerts.event_outbox") == []
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)


async def test_a_relay_whose_connection_is_killed_comes_back(stage: Stage) -> None:
    working = asyncio.ensure_future(a_relay(stage).run(POLL))
    try:
        await stage.tell(a_score(1, START, dict(SILENT), external_id="a1"))
        await positions(stage, 1)
        await stage.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        await stage.tell(a_score(1, START, dict(SILENT), external_id="a2"))
        assert await positions(stage, 2) == [1, 2]
    finally:
        working.cancel()
        await asyncio.wait([working])


async def test_a_broker_that_is_away_for_a_while_costs_nothing_but_time(stage: Stage) -> None:
    stage.bus.broken = True
    working = asyncio.ensure_future(a_relay(stage).run(POLL))
    try:
        await stage.tell(a_score(1, START, dict(SILENT), external_id="a1"))
        async with asyncio.timeout(20):
            while not await stage.rows("SELECT 1 FROM alerts.event_outbox WHERE position = 1"):
                await asyncio.sleep(0.01)
        stage.bus.broken = False
        assert await positions(stage, 1) == [1]
    finally:
        working.cancel()
        await asyncio.wait([working])
