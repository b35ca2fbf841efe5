"""Health on the bus twin and a real PostgreSQL: events in, counted once, scored, published."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest

from kizashi_common.contracts.envelope import caused_by
from kizashi_common.contracts.partitioning import partition_of
from kizashi_common.contracts.topics import EVENTS, SCORES
from tests.builders import NOON, a_fact, a_record, an_event
from tests.conftest import Databases
from tests.health.harness import Health, until

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def health(databases: Databases) -> Health:
    return Health(databases)


async def test_an_event_becomes_a_day_row_once_however_often_it_comes(health: Health) -> None:
    async with health.running() as service:
        event = an_event("e1")
        await health.send(event, event, an_event("e2", user_id="u_2"))
        await service.drains[0].run()
        await health.send(event)
    (day,) = await health.rows("SELECT * FROM health.account_day")
    assert (day["events"], day["human"], day["logins"]) == (2, 2, 2)
    totals = await health.rows(
        "SELECT sum(applied) AS applied, sum(duplicates) AS duplicates, sum(next_offset - first_offset) AS seen"
        " FROM health.consumer_slot"
    )
    assert dict(totals[0]) == {"applied": 2, "duplicates": 2, "seen": 4}


async def test_a_duplicate_is_known_after_a_restart_and_for_a_historical_day(health: Health) -> None:
    old = an_event("old", at=NOON - timedelta(days=200), flags=["historical"])
    async with health.running():
        await health.send(old, an_event("new"))
    async with health.running():
        await health.send(old, an_event("new"), an_event("third"))
    assert [r["applied"] for r in await health.rows("SELECT sum(applied) AS applied FROM health.consumer_slot")] == [3]


async def test_a_proved_midnight_gives_every_account_one_row_and_one_message(health: Health) -> None:
    async with health.running() as service:
        await health.send(*(an_event(f"e{i}", f"account-{i}", NOON - timedelta(days=i)) for i in range(20)))
        await health.beat()
        await service.drains[0].run()
        health.clock.advance(timedelta(days=1))
        await health.beat()
        await until(lambda: _swept(health, 20))
        await service.drains[0].run()
    rows = await health.rows(
        "SELECT account_id, day, score, basis FROM health.account_score_day WHERE day = '2026-11-25'"
    )
    assert len({row["account_id"] for row in rows}) == len(rows) == 20
    assert all(row["basis"] == "published" and row["score"] is not None for row in rows)
    messages = [score for score in health.published() if score.reason == "time" and str(score.day) == "2026-11-25"]
    assert len(messages) == 20
    assert {score.as_of.isoformat() for score in messages} == {"2026-11-25T00:00:00+00:00"}


async def _swept(health: Health, count: int) -> bool:
    found = await health.rows("SELECT count(*) AS n FROM health.account_score_day WHERE day = '2026-11-25'")
    return bool(found[0]["n"] >= count)


async def test_no_silence_is_charged_for_time_that_is_not_proved(health: Health) -> None:
    async with health.running() as service:
        await health.send(*(an_event(f"e{i}", at=NOON - timedelta(days=i)) for i in range(15)))
        await health.beat()
        await service.drains[0].run()
        before = await health.rows("SELECT score, as_of FROM health.account_card")
        health.clock.advance(timedelta(days=30))
        await asyncio.sleep(0.3)
        await service.drains[0].run()
        after = await health.rows("SELECT score, as_of FROM health.account_card")
    assert before == after


async def test_a_score_from_before_the_first_proof_is_made_again_when_it_comes(health: Health) -> None:
    async with health.running() as service:
        await health.send(*(an_event(f"e{i}", at=NOON - timedelta(days=i)) for i in range(10, 27)))
        await service.drains[0].run()
        assert [(score.day, score.stale) for score in health.published()] == [(date(2026, 11, 15), True)]
        await health.beat()
        await until(lambda: _says_today(health))
    assert health.published()[-1].band != health.published()[0].band


async def test_a_score_from_before_the_first_proof_is_made_again_after_a_restart(health: Health) -> None:
    async with health.running():
        await health.send(*(an_event(f"e{i}", at=NOON - timedelta(days=i)) for i in range(10, 27)))
    async with health.running():
        await health.beat()
        await until(lambda: _says_today(health))


async def test_the_score_made_again_at_the_first_proof_goes_on_with_the_events_trace(health: Health) -> None:
    async with health.running() as service:
        await health.send(*(an_event(f"e{i}", at=NOON - timedelta(days=i)) for i in range(10, 27)), trace=TRACE)
        await service.drains[0].run()
        await health.beat()
        await until(lambda: _says_today(health))
        await service.drains[0].run()
        await health.send(an_event("later"))
    traces = [caused_by(record.headers) for record in health.bus.records(SCORES.name)]
    # What the day begins with, and the next event, come of no recorded request.
    assert traces[:2] == [TRACE, TRACE]
    assert set(traces[2:]) == {None}


async def _says_today(health: Health) -> bool:
    last = health.published()[-1]
    return (last.day, last.stale) == (NOON.date(), False)


async def test_the_score_numbers_of_an_account_are_dense_and_in_order(health: Health) -> None:
    async with health.running() as service:
        for i in range(5):
            await health.send(an_event(f"e{i}", at=NOON - timedelta(days=i)))
            await service.drains[0].run()
        await health.send(
            a_fact("f1", "acme", {"seats": 50, "name": "Acme KK", "arr": {"amount": "1200", "currency": "EUR"}})
        )
    published = health.published()
    assert [score.seq for score in published] == list(range(1, len(published) + 1))
    assert published[-1].reason == "fact"
    assert published[-1].name == "Acme KK"
    async with health.running() as service:
        await health.send(an_event("later"))
        await service.drains[0].run()
    assert health.published()[-1].signals["seats.bought"] == 50.0
    (card,) = await health.rows("SELECT name, arr, score_seq FROM health.account_card")
    assert dict(card) == {"name": "Acme KK", "arr": 1200.0, "score_seq": health.published()[-1].seq}


async def test_a_record_that_cannot_be_applied_is_set_aside_with_its_reason(health: Health) -> None:
    async with health.running() as service:
        producer = health.bus.producer()
        wrong = a_record(an_event("w"))
        partition = partition_of(wrong.key or b"", 8)
        await producer.send(EVENTS.name, (partition + 1) % 8, [wrong])
        await producer.send(EVENTS.name, partition, [wrong._replace(value=b"{"), wrong._replace(value=b'{"type":"x"}')])
        await health.send(an_event("ok"), an_event("future", at=NOON + timedelta(hours=1)))
        await service.drains[0].run()
    found = await health.rows("SELECT code FROM health.dead_letter ORDER BY code")
    assert [row["code"] for row in found] == ["decode", "future", "schema", "wrong_partition"]
    (total,) = await health.rows("SELECT sum(applied) AS applied, sum(dead_lettered) AS dead FROM health.consumer_slot")
    assert dict(total) == {"applied": 1, "dead": 4}
