"""What a sender or a person may say at the edge of what is allowed ends nobody's work."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from kizashi_common.contracts.envelope import Record
from kizashi_common.contracts.events import encode
from kizashi_common.contracts.partitioning import partition_of
from kizashi_common.errors import Poison
from kizashi_health.domain.activity import Activity, Occurrence
from kizashi_health.engine.intake import read
from tests.builders import NOON, a_fact, an_event
from tests.conftest import Databases
from tests.health.harness import Health, until
from tests.health.test_internal import _is_proved, asking

DEFERRED = {"KIZASHI_SCORES_PUBLISH_EVERY_MS": "900000"}


@pytest.fixture
def health(databases: Databases) -> Health:
    return Health(databases)


async def proved(health: Health, service: Any) -> None:
    await health.beat()
    await service.drains[0].run()
    await until(lambda: _is_proved(health))


async def has_day(health: Health, day: str) -> bool:
    return bool(await health.rows(f"SELECT 1 FROM health.account_score_day WHERE day = '{day}'"))


async def test_a_record_that_ends_the_engine_is_set_aside_and_the_others_are_counted(
    health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = Activity.count

    def unbearable(self: Activity, event: Occurrence) -> bool:
        if event.user_id == "culprit":
            raise ZeroDivisionError("nobody foresaw this \udcff")
        return count(self, event)

    monkeypatch.setattr(Activity, "count", unbearable)
    async with health.running() as service:
        await health.send(*(an_event(f"e{i}", at=NOON - timedelta(days=i)) for i in range(30)))
        await health.send(an_event("bad", user_id="culprit"), *(an_event(f"f{i}", f"other-{i}") for i in range(30)))
        await until(lambda: _applied(health, 60))
        await service.drains[0].run()
    (letter,) = await health.rows("SELECT code, error FROM health.dead_letter")
    assert dict(letter) == {"code": "refused", "error": "ZeroDivisionError: nobody foresaw this \\udcff"}


async def _applied(health: Health, count: int) -> bool:
    (row,) = await health.rows("SELECT sum(applied) AS n FROM health.consumer_slot")
    return bool(row["n"] == count)


@pytest.mark.parametrize("monthly_loss", [1e-17, 0.5])
async def test_no_settings_that_are_taken_end_health(health: Health, monthly_loss: float) -> None:
    async with health.running() as service, asking(service, "other") as client:
        path = "/internal/v1/workspace-settings"
        for loss, status in ((0.96, 422), (monthly_loss, 200)):
            wish = {"horizon_days": 365, "monthly_loss": loss}
            assert (await client.put(path, json=wish, headers={"if-match": "*"})).status_code == status
        await health.send(*(an_event(f"e{i}", at=NOON - timedelta(days=i), workspace="other") for i in range(9)))
        await proved(health, service)
        answer = (await client.get("/internal/v1/accounts/ext:acme/score")).json()
    assert 0 < answer["pulse"]["probability"] < 1
    async with health.running() as again:
        assert again.ready() is None


async def test_seats_next_to_none_are_no_ratio_and_the_next_day_comes(health: Health) -> None:
    async with health.running() as service:
        await health.send(*(an_event(f"e{i}", at=NOON - timedelta(days=i), user_id=f"u{i % 3}") for i in range(20)))
        await health.send(a_fact("f", "acme", {"seats": "1e-310"}, NOON - timedelta(days=1)))
        await proved(health, service)
        health.clock.advance(timedelta(days=1))
        await health.beat()
        await until(lambda: has_day(health, "2026-11-25"))
        await service.drains[0].run()
    assert all("seats.used_ratio" not in score.signals for score in health.published())


def test_a_time_without_a_zone_is_set_aside() -> None:
    event = an_event("e")
    value = json.loads(encode(event))
    value["time"] = "2026-11-24T09:00:00"
    key = event.partitionkey.encode()
    record = Record("kizashi.events.v1", partition_of(key, 8), 0, NOON, key, json.dumps(value).encode(), ())
    with pytest.raises(Poison) as poison:
        read(record, partition_of(key, 8), 8)
    assert poison.value.reason == "schema"


async def test_accounts_that_nothing_waits_for_may_leave_memory(health: Health) -> None:
    few = {"KIZASHI_STATE_MAX_ACCOUNTS": "100", "KIZASHI_SCORING_SHARE": "0.000001", **DEFERRED}
    service = health.compose(environment=few)
    async with health.running(service):
        for turn in range(2):
            # A service names the account: nothing that changes a score.
            await health.send(*(an_event(f"{turn}-{i}", f"a{i}", actor="service", action="group") for i in range(1500)))
            await health.beat()
            await service.drains[0].run()
        await health.send(an_event("last", "a7"))
        await service.drains[0].run()
    assert (await health.rows("SELECT count(*) AS n FROM health.account"))[0]["n"] == 1500


async def test_a_score_that_waits_to_be_told_is_told_after_a_restart(health: Health) -> None:
    service = health.compose(environment=DEFERRED)
    async with health.running(service):
        await health.send(*(an_event(f"e{i}", at=NOON - timedelta(days=i), user_id="u1") for i in range(1, 40)))
        await proved(health, service)
        await health.send(*(an_event(f"x{i}", at=NOON - timedelta(hours=1), user_id=f"v{i}") for i in range(5)))
        await proved(health, service)
    before = health.published()[-1].signals["users.active_28"]
    service = health.compose(environment=DEFERRED)
    async with health.running(service):
        for _ in range(3):
            health.clock.advance(timedelta(minutes=30))
            await proved(health, service)
        await until(lambda: _told(health, 6.0))
    assert before == 1.0


async def _told(health: Health, users: float) -> bool:
    return health.published()[-1].signals["users.active_28"] == users
