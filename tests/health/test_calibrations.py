"""Which calibration a score is made under: the one in force on its day, whoever else made another one meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import date, timedelta
from typing import Any

import httpx2
import pytest

from kizashi_common.contracts.commands.health import WorkspaceSettings
from kizashi_common.contracts.partitioning import account_key, partition_of
from kizashi_common.contracts.topics import EVENTS
from kizashi_common.runtime.service import Service
from kizashi_health.application.calibrating import Calibrations, Stated
from kizashi_health.domain.calendar import day_of
from kizashi_health.engine.contexts import workspace_of
from kizashi_health.engine.rows import StoredWorkspace
from tests.builders import NOON, a_fact, a_heartbeat, a_record, an_event
from tests.conftest import Databases
from tests.health.harness import Health, until
from tests.health.test_internal import asking

SETTINGS = "/internal/v1/workspace-settings"
MONDAY = date(2026, 11, 30)
"""The one after NOON, a Tuesday."""


@pytest.fixture
def health(databases: Databases) -> Health:
    return Health(databases)


@asynccontextmanager
async def populated(health: Health) -> AsyncIterator[Service]:
    """A third of sixty accounts is always there, a third gone for 50 days, a third comes once a week."""
    async with health.running() as service:
        for account in range(60):
            days = (range(1, 120), range(50, 120), range(1, 120, 7))[account % 3]
            await used(health, f"account-{account}", (-d for d in days))
        await begun(health, service)
        yield service


async def used(health: Health, account: str, days: Iterable[int]) -> None:
    """Activity on days counted from NOON."""
    await health.send(
        *(an_event(f"{account}{d}", account, NOON + timedelta(days=d), flags=["historical"]) for d in days)
    )


async def begun(health: Health, service: Service) -> None:
    """Everything up to now is proved and the day that it lies in has begun and is swept."""
    await health.beat()
    await until(lambda: _last_day_is(health, health.clock().date()))
    await until(lambda: _no_wakes(health))
    await service.drains[0].run()


async def _last_day_is(health: Health, day: date) -> bool:
    (row,) = await health.rows("SELECT max(day) AS day FROM health.workspace_day")
    return bool(row["day"] == day)


async def _no_wakes(health: Health) -> bool:
    return not await health.rows("SELECT 1 FROM health.wake")


async def live(client: httpx2.AsyncClient, account: str = "account-1", **query: str) -> Any:
    answer = await client.get(f"/internal/v1/accounts/ext:{account}/score", params=query)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    return found["score"], found["pulse"]["horizon_days"], found["pulse"]["calibration"]["base_rate"]


async def replaced(health: Health, service: Service, client: httpx2.AsyncClient, **settings: Any) -> None:
    made = await client.put(SETTINGS, json=settings, headers={"if-match": "*"})
    assert made.status_code == 200, made.text
    await until(lambda: _no_wakes(health))
    await service.drains[0].run()


async def test_new_settings_are_followed_by_a_calibration_made_for_them(health: Health) -> None:
    async with populated(health) as service, asking(service) as client:
        seen = {}
        for horizon in (30, 90, 30):
            await replaced(health, service, client, horizon_days=horizon)
            now = await live(client)
            assert now == await live(client, as_of=NOON.date().isoformat())
            assert now == seen.setdefault(horizon, now)
            (card,) = await health.rows("SELECT score FROM health.account_card WHERE external_id = 'account-1'")
            assert card["score"] == now[0]
            last = [one for one in health.published() if one.external_id == "account-1"][-1]
            assert (last.score, last.pulse.horizon_days if last.pulse else None) == now[:2]
    assert seen[30] != seen[90]


async def test_the_settings_of_the_day_that_begins_are_those_in_force(health: Health) -> None:
    async with populated(health) as service, asking(service) as client:
        await replaced(health, service, client, horizon_days=90)
        health.clock.advance(timedelta(days=1))
        await begun(health, service)
        assert await live(client) == await live(client, as_of="2026-11-25")
        assert (await live(client))[1] == 90


async def test_a_read_of_monday_before_it_begins_keeps_nothing_in_force(health: Health) -> None:
    async with populated(health) as service, asking(service) as client:
        # Six days on, read before the census has looked: the read makes and keeps the Monday's calibration.
        health.clock.advance(timedelta(days=6))
        await used(health, "account-0", range(6))
        await health.beat()
        await live(client, as_of=MONDAY.isoformat())
        await begun(health, service)
        rows = await health.rows(
            "SELECT c.as_of FROM health.workspace_day d JOIN health.calibration c ON c.id = d.calibration_id"
            " WHERE d.day = $1",
            MONDAY,
        )
        assert [row["as_of"] for row in rows] == [MONDAY]
        assert await live(client) == await live(client, as_of=MONDAY.isoformat())


async def test_an_event_that_comes_late_changes_no_calibration_before_the_next_monday(health: Health) -> None:
    async with populated(health) as service, asking(service) as client:
        before = (await live(client))[2]
        await used(health, "account-4", range(-49, -20))
        for _ in range(2):
            health.clock.advance(timedelta(days=1))
            await begun(health, service)
            assert (await live(client))[2] == before


async def test_each_missed_day_is_swept_under_its_own_calibration(health: Health) -> None:
    async with populated(health) as service:
        health.clock.advance(timedelta(days=7))
        await begun(health, service)
    kept = await health.rows(
        "SELECT DISTINCT s.day, s.calibration_id, c.as_of FROM health.account_score_day s"
        " JOIN health.workspace_day d USING (workspace_id, day) JOIN health.calibration c ON c.id = s.calibration_id"
        " WHERE s.calibration_id = d.calibration_id ORDER BY s.day"
    )
    assert [(row["day"].day, row["as_of"].day) for row in kept] == [
        (25, 23), (26, 23), (27, 23), (28, 23), (29, 23), (30, 30), (1, 30)
    ]  # fmt: skip
    rows = await health.rows("SELECT count(DISTINCT (day, calibration_id)) AS n FROM health.account_score_day")
    assert rows[0]["n"] == len(kept)


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_a_step_of_the_calibration_is_told_as_such_whenever_the_slots_hear_of_it(
    health: Health, is_restarted: bool
) -> None:
    # On Monday a third of the customers turns out to have left within the horizon of a week.
    async with health.running() as service, asking(service) as client:
        await replaced(health, service, client, horizon_days=7)
        for account in range(60):
            await used(health, f"account-{account}", range(-60, -1))
        await begun(health, service)
        for account in range(40):
            await used(health, f"account-{account}", range(6))
        await service.drains[0].run()
        health.clock.advance(timedelta(days=6))
        if not is_restarted:
            await begun(health, service)
    if is_restarted:
        # The census of the first run begins the day, and no slot of it hears of that.
        stopping = health.compose()
        async with health.working(stopping):
            await health.beat()
            await until(lambda: _last_day_is(health, MONDAY))
        async with health.running() as service:
            await begun(health, service)
    told = [one.reason for one in health.published() if one.day == MONDAY and one.external_id == "account-50"]
    assert told[-1] == "model_change"


async def _partial(health: Health) -> list[tuple[date, bool]]:
    rows = await health.rows("SELECT day, partial FROM health.workspace_day ORDER BY day")
    return [(row["day"], row["partial"]) for row in rows]


def of_partition(zero: Callable[[int], bool]) -> list[str]:
    names = (f"a{i}" for i in range(160))
    return [name for name in names if zero(partition_of(account_key("demo", name).encode(), 8))]


async def test_after_a_pause_over_midnight_the_days_wait_for_the_slow_partitions(health: Health) -> None:
    first, others = of_partition(lambda p: p == 0), of_partition(lambda p: p != 0)
    async with health.running() as service, asking(service) as client:
        await replaced(health, service, client, horizon_days=7)
        for name in (*first, *others):
            await used(health, name, range(-40, -1))
        await begun(health, service)
    health.clock.advance(timedelta(days=5, hours=21))
    async with health.running() as service:
        for name in first:
            await used(health, name, range(5))
        await _beat_of_the_first(health)
        await asyncio.sleep(0.5)
        assert await _partial(health) == [(NOON.date(), False)]
        for name in others:
            await used(health, name, range(5))
        await begun(health, service)
    assert {partial for _, partial in await _partial(health)} == {False}
    (made,) = await health.rows("SELECT basis, outcomes FROM health.calibration WHERE as_of = $1", MONDAY)
    assert (made["basis"], made["outcomes"]) == ("stated", 0)


async def test_a_day_that_began_without_a_stuck_partition_is_not_calibrated_on(health: Health) -> None:
    async with health.running() as service:
        for name in of_partition(lambda _: True):
            await used(health, name, range(-40, 0))
        await begun(health, service)
        health.clock.advance(timedelta(days=6))
        await _beat_of_the_first(health)
        await asyncio.sleep(0.3)
        health.clock.advance(timedelta(hours=2))
        await until(lambda: _last_day_is(health, MONDAY))
        assert (await _partial(health))[-1] == (MONDAY, True)
        assert not await health.rows("SELECT 1 FROM health.calibration WHERE as_of = $1", MONDAY)
        health.clock.advance(timedelta(days=1))
        await begun(health, service)
    (row,) = await health.rows(
        "SELECT c.as_of, d.partial FROM health.workspace_day d JOIN health.calibration c ON c.id = d.calibration_id"
        " WHERE d.day = '2026-12-01'"
    )
    assert dict(row) == {"as_of": MONDAY, "partial": False}


async def _beat_of_the_first(health: Health) -> None:
    health.beats += 1
    beat = a_record(a_heartbeat(health.clock(), health.beats))
    await health.bus.producer().send(EVENTS.name, 0, [beat])


async def test_what_the_day_begins_with_holds_for_accounts_named_on_it(health: Health) -> None:
    async with health.running() as service:
        for account in range(30):
            await used(health, f"account-{account}", range(-40, -10))
        await service.drains[0].run()
        await begun(health, service)
        await until(lambda: _says_base_of_the_day(health))


async def _says_base_of_the_day(health: Health) -> bool:
    rows = await health.rows(
        "SELECT DISTINCT (k.body->'pulse'->>'calibration_id')::bigint = d.calibration_id AS same"
        " FROM health.account_card k JOIN health.workspace_day d USING (workspace_id)"
    )
    return [row["same"] for row in rows] == [True]


async def test_every_signal_of_a_past_day_stays_when_the_future_arrives(health: Health) -> None:
    async with health.running() as service, asking(service) as client:
        for i in range(5):
            await used(health, f"account-{i}", range(-300 if i == 3 else -40, -250 if i == 3 else 0))
            arr = {"arr": {"amount": str(1000 * (i + 1)), "currency": "EUR"}}
            await health.send(a_fact(f"f{i}", f"account-{i}", arr, NOON - timedelta(days=39)))
        await begun(health, service)
        named = ["account-2", "account-3"]
        before = [await _signals(client, account) for account in named]
        for i in range(5, 25):
            arr = {"arr": {"amount": "10", "currency": "EUR"}}
            await health.send(an_event(f"{i}-n", f"account-{i}", NOON), a_fact(f"f{i}", f"account-{i}", arr, NOON))
        await health.send(an_event("again", "account-3", NOON))
        health.clock.advance(timedelta(days=1))
        await begun(health, service)
        assert [await _signals(client, account) for account in named] == before
    assert before[0]["revenue.percentile"] == 0.6
    assert before[1]["usage.login_age_days"] == 250.0


async def _signals(client: httpx2.AsyncClient, account: str) -> Any:
    answer = await client.get(f"/internal/v1/accounts/ext:{account}/signals", params={"as_of": "2026-11-24"})
    return answer.json()["signals"]


async def test_a_day_names_no_calibration_of_a_transaction_that_was_given_up(databases: Databases) -> None:
    calibrations, day = Calibrations(lambda: NOON), day_of(NOON.date())
    stored = StoredWorkspace(WorkspaceSettings(), None, None)
    stated = Stated("demo", stored.settings, workspace_of(stored), None, 0)
    with suppress(ZeroDivisionError):
        async with databases.health.transaction() as connection:
            await calibrations.of_days(connection, stated, [day])
            raise ZeroDivisionError
    async with databases.health.transaction() as connection:
        made = await calibrations.at_start(connection, stated, day, None, is_whole=True)
    rows = await Health(databases).rows("SELECT id FROM health.calibration")
    assert made is not None
    assert [row["id"] for row in rows] == [made.id]
