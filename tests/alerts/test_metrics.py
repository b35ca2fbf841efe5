"""What alerts tells about itself: what stands in PostgreSQL, what was counted once committed, which rules fail."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from kizashi_alerts.adapters.backlog import Backlog
from kizashi_alerts.adapters.channels import CHANNELS
from kizashi_alerts.application.count import Count
from kizashi_alerts.application.watch import Watch
from kizashi_alerts.engine.flush import AlertsFlush
from kizashi_alerts.engine.judge import Tally
from kizashi_alerts.metrics import FAILING_FOR, HELD, HOW, KINDS, OUTCOMES, RESULTS, Failing, declare
from kizashi_common.contracts.alerts import SEVERITIES
from kizashi_common.db.database import Database
from kizashi_common.errors import Busy, Invalid
from kizashi_common.expressions.verdict import FAILED, FALSE, TRUE, unknown
from kizashi_common.stream.shapes import Claim, Phases
from tests.alerts.receiver import Says, receiving
from tests.alerts.stage import Stage
from tests.alerts.test_webhooks import an_alert, an_endpoint
from tests.counted import Growth, value
from tests.twins.clock import SetClock

PHASES = Phases(0.0, 0.0, 0.0)


def exists(name: str, **labels: str) -> bool:
    return REGISTRY.get_sample_value(f"kizashi_alerts_{name}", labels) is not None


def watching(stage: Stage) -> Watch:
    return Watch(Backlog(stage.database), "webhook", stage.clock)


def oldest_due() -> float:
    return value("alerts_oldest_due_delivery_age_seconds", channel="webhook")


def pending() -> float:
    return value("alerts_pending_deliveries", channel="webhook")


def test_every_series_of_a_closed_label_exists_from_the_start() -> None:
    declare(CHANNELS)
    assert all(exists("rule_results_total", result=result) for result in RESULTS)
    for kind in KINDS:
        assert exists("open", kind=kind)
        assert all(exists("opened_total", kind=kind, severity=severity) for severity in SEVERITIES)
        assert all(exists("closed_total", kind=kind, how=how) for how in HOW)
    assert all(exists("held_total", reason=reason) for reason in HELD)
    for channel in CHANNELS:
        assert all(exists("deliveries_total", channel=channel, outcome=outcome) for outcome in OUTCOMES)
        for name in ("oldest_due_delivery_age_seconds", "pending_deliveries", "attempt_seconds_count"):
            assert exists(name, channel=channel)
    for name in ("rules_in_error", "rule_seconds_count", "endpoints_disabled_total", "blocked_addresses_total"):
        assert exists(name)


async def test_open_alerts_and_unfinished_deliveries_are_read_from_postgresql(stage: Stage) -> None:
    watch = watching(stage)
    async with receiving() as receiver:
        await an_endpoint(stage, receiver)
        await an_alert(stage)
        stage.later(seconds=30)
        await watch.look()
        assert (value("alerts_open", kind="risk"), value("alerts_open", kind="data")) == (1, 0)
        assert (pending(), oldest_due()) == (1, 30)
        await stage.deliver.turn(first=True)
        await watch.look()
        assert (pending(), oldest_due()) == (0, 0)


async def test_what_is_due_goes_on_ageing_between_looks_and_when_nobody_can_look(stage: Stage) -> None:
    async with receiving() as receiver:
        await an_endpoint(stage, receiver)
        await an_alert(stage)
    watch = watching(stage)
    await watch.look()
    stage.later(seconds=20)
    assert oldest_due() == 20
    away = Watch(Backlog(Database("postgresql://kizashi_alerts:x@127.0.0.1:1/none")), "webhook", stage.clock)
    away._due_since = watch._due_since
    with pytest.raises(Busy):
        await away.look()
    stage.later(minutes=20)
    assert oldest_due() == 1_220


async def test_a_dead_receivers_next_attempt_is_pending_and_not_due(stage: Stage) -> None:
    watch = watching(stage)
    async with receiving(Says(500)) as receiver:
        await an_endpoint(stage, receiver)
        await an_alert(stage)
        await stage.deliver.turn(first=True)
        await watch.look()
        assert (pending(), oldest_due()) == (1, 0)


async def test_what_waits_behind_a_receiver_that_hangs_is_not_due(stage: Stage) -> None:
    watch = watching(stage)
    async with receiving() as receiver:
        endpoint, _ = await an_endpoint(stage, receiver)
        for _ in range(6):
            await stage.manage.test("demo", endpoint)
        leased = await stage.lease(first=True, most=4)
        assert len(leased) == 4
        stage.later(seconds=40)
        await watch.look()
        assert (pending(), oldest_due()) == (6, 0)


async def test_what_a_crashed_process_had_leased_is_due_once_the_lease_ran_out(stage: Stage) -> None:
    watch = watching(stage)
    async with receiving() as receiver:
        endpoint, _ = await an_endpoint(stage, receiver)
        await stage.manage.test("demo", endpoint)
        await stage.lease(first=True, most=4)
        stage.later(seconds=60)
        await watch.look()
        assert (pending(), oldest_due()) == (1, 10)


async def test_an_endpoint_that_is_gone_is_counted_with_what_it_parks(stage: Stage) -> None:
    parked = Growth("alerts_deliveries_total", channel="webhook", outcome="parked")
    disabled = Growth("alerts_endpoints_disabled_total")
    async with receiving(Says(410)) as receiver:
        endpoint, _ = await an_endpoint(stage, receiver)
        for _ in range(3):
            await stage.manage.test("demo", endpoint)
        (first,) = await stage.lease(first=True, most=1)
        await stage.deliver._one(first)
    assert (disabled(), parked()) == (1, 2)


async def test_an_endpoint_that_is_removed_parks_what_waits(stage: Stage) -> None:
    parked = Growth("alerts_deliveries_total", channel="webhook", outcome="parked")
    async with receiving() as receiver:
        endpoint, _ = await an_endpoint(stage, receiver)
        await stage.manage.test("demo", endpoint)
        await stage.manage.delete("demo", endpoint, None)
    assert parked() == 1


async def test_an_address_that_may_not_be_reached_is_counted(stage: Stage) -> None:
    blocked = Growth("alerts_blocked_addresses_total")
    with pytest.raises(Invalid):
        await stage.outbound.check("http://169.254.169.254/latest")
    assert blocked() == 1


async def test_an_alert_counts_once_its_flush_is_committed(stage: Stage) -> None:
    opened = Growth("alerts_opened_total", kind="risk", severity="high")
    before = sum(value("alerts_rule_results_total", result=result) for result in RESULTS)
    snapshots = Growth("alerts_rule_seconds_count")
    await an_alert(stage)
    after = sum(value("alerts_rule_results_total", result=result) for result in RESULTS)
    assert opened() == 1
    assert snapshots() == 1
    assert after - before == len(stage.alerts.book.by_subject["account"])


def test_a_flush_that_was_not_committed_has_counted_nothing(clock: SetClock) -> None:
    results = Growth("alerts_rule_results_total", result="error")
    flush = AlertsFlush()
    flush.tally.count("risk.silence", unknown(FAILED))
    assert results() == 0
    Count(Failing(clock))(a_claim(), flush, PHASES)
    assert results() == 1


def a_claim() -> Claim:
    return Claim(**dict.fromkeys(Claim._fields, 0))  # type: ignore[arg-type]


def test_an_expression_that_failed_is_an_error_and_a_missing_value_is_not() -> None:
    tally = Tally()
    for verdict in (TRUE, FALSE, unknown("missing usage.silent_days"), unknown(FAILED)):
        tally.count("risk.silence", verdict)
    assert (tally.true, tally.false, tally.unknown, tally.error) == (1, 1, 1, 1)
    assert tally.failing == {"risk.silence"}


def test_a_rule_fails_until_a_quarter_of_an_hour_has_passed_without_a_failure(clock: SetClock) -> None:
    failing = Failing(clock)
    failing.failed({"risk.silence", "data.stale"})
    clock.advance(FAILING_FOR / 2)
    failing.failed({"risk.silence"})
    assert failing.count() == 2
    clock.advance(FAILING_FOR / 2)
    assert failing.count() == 1
    clock.advance(FAILING_FOR / 2)
    assert failing.count() == 0
