"""Health watches itself: what it holds, how far it is, and that its ledger is in order; each fault is planted once."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest
from prometheus_client.registry import REGISTRY

from kizashi_common.stream.shapes import Claim
from kizashi_health.adapters.invariants import Finding, Look, look
from kizashi_health.application.gauges import Gauges
from kizashi_health.application.invariants import Invariants
from kizashi_health.engine.contexts import Contexts
from kizashi_health.engine.engine import HealthEngine
from kizashi_health.engine.memory import EngineSettings, Memory
from tests.builders import NOON, a_fact, an_event
from tests.conftest import Databases
from tests.health.harness import Health

SLOTS = tuple(range(1000, 1008))


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"kizashi_health_{name}", labels)


def an_engine() -> HealthEngine:
    claim = Claim(1000, 0, 8, "t", 1, 0, 0, 0, 0, None, 1, 0, None, None, None, fresh=False)
    return HealthEngine(claim, Memory(Contexts({}), {}, EngineSettings()))


def test_an_engine_says_what_lacks_until_the_day_can_begin() -> None:
    engine = an_engine()
    memory, counting = engine._memory, engine._counting
    assert engine.held(NOON) is None, "nobody lives here"
    assert memory.contexts["demo"]
    assert engine.held(NOON) == "heartbeat"
    counting.heard_through = NOON - timedelta(hours=1)
    assert engine.held(NOON) == "lag"
    memory.through = NOON - timedelta(hours=1)
    assert engine.held(NOON) is None
    assert engine.held(NOON + timedelta(days=1)) == "heartbeat"


async def test_what_is_held_and_how_far_it_is_can_be_seen(databases: Databases) -> None:
    health = Health(databases)
    async with health.running() as service:
        await health.send(*(an_event(f"e{i}", f"account-{i % 20}", user_id=f"u{i % 3}") for i in range(60)))
        await health.beat()
        await service.drains[0].run()
        runner = service.drains[0].run.__self__  # type: ignore[attr-defined]
        gauges = Gauges(lambda: runner.live, health.clock)
        gauges.progress(runner.live)
        await gauges.sizes()
        assert value("state_accounts") == 20
        assert value("state_users") == 60
        assert (value("dedupe_ids", heat="hot"), value("dedupe_ids", heat="cold")) == (60, 0)
        assert value("unflushed_rows") == 0
        assert all(0 <= (value("complete_age_seconds", partition=str(p)) or 0.0) < 60 for p in range(8))
        await Invariants(databases.health, lambda: runner.live, health.clock).look()
        seen = await health.rows("SELECT band, evidence, count(*) AS n FROM health.account_card GROUP BY 1, 2")
        for band in ("good", "watch", "risk", "none"):
            assert value("accounts", band=band) == sum(r["n"] for r in seen if (r["band"] or "none") == band)
        assert value("low_evidence_accounts") == sum(r["n"] for r in seen if r["evidence"] == "low")
        gauges.progress({})
        assert value("complete_age_seconds", partition="0") is None


async def looked(health: Health, before: Look | None = None, whole: int = 1000) -> Look:
    async with health.databases.health.transaction(read_only=True) as connection:
        return await look(connection, SLOTS, before.marks if before else {}, whole, health.clock())


async def worked(health: Health, first: int) -> None:
    async with health.running() as service:
        for i in range(first, first + 4):
            await health.send(*(an_event(f"e{i}-{j}", f"account-{j}", NOON - timedelta(days=j % 9)) for j in range(40)))
            await health.send(a_fact(f"f{i}", "account-1", {"seats": i}))
            await health.beat()
            await service.drains[0].run()


async def test_a_ledger_in_order_is_found_in_order_from_the_start_and_from_a_mark(databases: Databases) -> None:
    health = Health(databases)
    await worked(health, 0)
    first = await looked(health)
    await worked(health, 4)
    assert (first.findings, (await looked(health, first)).findings) == ([], [])
    for slot in SLOTS:
        assert (await looked(health, first, slot)).findings == []


BUSIEST = "(SELECT slot FROM health.consumer_slot ORDER BY applied DESC LIMIT 1)"
MOVE = f"UPDATE health.consumer_slot SET complete_through = complete_through + {{}} WHERE slot = {BUSIEST}"
PLANTED = {
    "a record decided and never seen": (
        f"UPDATE health.consumer_slot SET control = control + 1 WHERE slot = {BUSIEST}", {"offsets"},
    ),
    "an event counted twice in its workspace's day": (
        f"UPDATE health.slot_day SET events = events + 1 WHERE slot = {BUSIEST}", {"sums"},
    ),
    "an account's day without its events": (f"DELETE FROM health.account_day WHERE slot = {BUSIEST}", {"sums"}),
    "an id that was not remembered": (
        f"DELETE FROM health.dedupe_chunk WHERE slot = {BUSIEST}"
        f" AND seq = (SELECT max(seq) FROM health.dedupe_chunk WHERE slot = {BUSIEST})",
        {"sums"},
    ),
    "a flush that is gone": (
        f"DELETE FROM health.flush_log WHERE slot = {BUSIEST}"
        f" AND flush_seq = (SELECT max(seq) FROM health.dedupe_chunk WHERE slot = {BUSIEST})",
        {"chain", "sums"},
    ),
    "a flush that began elsewhere": (
        f"UPDATE health.flush_log SET from_off = from_off - 1, n_ctl = n_ctl + 1 WHERE slot = {BUSIEST}"
        f" AND flush_seq = (SELECT max(flush_seq) FROM health.flush_log WHERE slot = {BUSIEST})",
        {"chain"},
    ),
    "a slot that is not where its log ends": (
        f"UPDATE health.consumer_slot SET next_offset = next_offset + 1, control = control + 1 WHERE slot = {BUSIEST}",
        {"chain"},
    ),
    "a proof that fell": (MOVE.format("interval '-1 hour'"), {"complete"}),
    "a proof of what is to come": (MOVE.format("interval '1 day'"), {"complete"}),
    "a day that began before it was proved": (
        "INSERT INTO health.workspace_day (build_id, workspace_id, day, medians, partial)"
        " VALUES (1, 'demo', '2027-01-01', '{}', false)",
        {"complete"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", PLANTED)
async def test_a_planted_fault_is_found_under_its_name(databases: Databases, fault: str) -> None:
    health, (statement, invariants) = Health(databases), PLANTED[fault]
    await worked(health, 0)
    first = await looked(health)
    await worked(health, 4)
    owner = await asyncpg.connect(databases.owner_url)
    busiest = await owner.fetchval(f"SELECT {BUSIEST}")
    await owner.execute(statement)
    await owner.close()
    found = (await looked(health, first, busiest)).findings
    assert {finding.invariant for finding in found} == invariants
    assert all(isinstance(finding, Finding) and finding.detail for finding in found)


async def test_a_finding_counts_each_time_it_is_made(databases: Databases) -> None:
    health = Health(databases)
    async with health.running() as service:
        await health.send(an_event("e1"))
        await service.drains[0].run()
        runner = service.drains[0].run.__self__  # type: ignore[attr-defined]
        invariants = Invariants(databases.health, lambda: runner.live, health.clock)
        before = value("invariant_violations_total", invariant="sums") or 0.0
        await invariants.look()
        assert value("invariant_violations_total", invariant="sums") == before
        await health.rows("UPDATE health.slot_day SET events = events + 1 RETURNING 1")
        await invariants.look()
        await invariants.look()
        assert value("invariant_violations_total", invariant="sums") == before + 2
