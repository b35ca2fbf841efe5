"""The canary's two legs against a stand-in product: success proves the effect, and each fault has its reason."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from kizashi_cli.canary import metrics
from kizashi_cli.canary.doors import Failed
from kizashi_cli.canary.legs import AlertLeg, Pace, ScoreLeg, Time, keep_going, one_round
from kizashi_cli.canary.plan import ALERT_ACCOUNT
from tests.cli.canary_stage import WEDNESDAY, PassingTime, Product, failures, last_success

PATIENCE = timedelta(seconds=60)


class Stage:
    """A canary and the product it watches; metrics are counted from here on."""

    def __init__(self) -> None:
        metrics.failures_total.clear()
        self.clock = PassingTime(WEDNESDAY)
        self.product = Product(self.clock)
        self.score = ScoreLeg(self.product.doors(), self.clock.time(), PATIENCE)
        self.alert = AlertLeg(self.product.doors(), self.clock.time(), PATIENCE)

    async def fails(self, leg: ScoreLeg | AlertLeg) -> str:
        with pytest.raises(Failed) as failed:
            await leg.round()
        return failed.value.counted_as


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_the_score_leg_succeeds_when_its_own_event_is_counted(stage: Stage) -> None:
    stage.product.delay = timedelta(seconds=7)
    assert [await stage.score.round() for _ in range(3)] == [timedelta(seconds=7)] * 3
    assert [body["id"].rsplit("-", 1)[1] for body in stage.product.bodies] == ["1", "2", "3"]


async def test_a_restarted_canary_goes_on_from_what_is_counted(stage: Stage) -> None:
    await stage.score.round()
    await stage.score.round()
    again = ScoreLeg(stage.product.doors(), stage.clock.time(), PATIENCE)
    await again.round()
    assert [body["id"].rsplit("-", 1)[1] for body in stage.product.bodies] == ["1", "2", "3"]


async def test_a_restart_while_events_are_on_their_way_is_no_fault(stage: Stage) -> None:
    stage.product.delay = timedelta(seconds=90)
    assert await stage.fails(stage.score) == "timeout"
    assert await stage.fails(stage.score) == "timeout"
    stage.product.delay = timedelta(seconds=1)
    again = ScoreLeg(stage.product.doors(), stage.clock.time(), PATIENCE)
    await again.round()
    await again.round()


async def test_an_event_whose_answer_was_lost_is_sent_again_as_it_was(stage: Stage) -> None:
    await stage.score.round()
    stage.product.faults = {"lost answer"}
    assert await stage.fails(stage.score) == "timeout"
    stage.clock.advance(timedelta(days=1))
    stage.product.faults = set()
    await stage.score.round()
    assert stage.product.bodies[1] == stage.product.bodies[2]
    await stage.score.round()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("no ingest", "refused"),
        ("bad key", "refused"),
        ("quarantine", "refused"),
        ("lost answer", "timeout"),
        ("no gateway", "refused"),
        ("not JSON", "wrong"),
        ("stuck", "timeout"),
    ],
)
@pytest.mark.parametrize("name", ["score", "alert"])
async def test_every_fault_has_its_reason(stage: Stage, name: str, fault: str, reason: str) -> None:
    leg: ScoreLeg | AlertLeg = stage.score if name == "score" else stage.alert
    await leg.round()
    stage.product.faults = {fault}
    assert await stage.fails(leg) == reason
    stage.product.faults = set()
    await leg.round()


async def test_a_door_that_is_well_again_in_time_costs_nothing(stage: Stage) -> None:
    changes = [{"no gateway"}, set(), {"no gateway"}, set()]

    async def wait(span: timedelta) -> None:
        stage.clock.advance(span)
        stage.product.faults = changes.pop(0)

    stage.product.delay = timedelta(seconds=2)
    leg = ScoreLeg(stage.product.doors(), Time(stage.clock, wait), PATIENCE)
    assert await leg.round() == timedelta(seconds=2)
    assert changes == []


async def test_an_event_counted_twice_is_wrong_once_and_then_known(stage: Stage) -> None:
    await stage.score.round()
    stage.product.extra = 1
    assert await stage.fails(stage.score) == "wrong"
    await stage.score.round()


async def test_a_lost_event_is_missed_for_good(stage: Stage) -> None:
    await stage.score.round()
    stage.product.extra = -1
    assert await stage.fails(stage.score) == "timeout"
    assert await stage.fails(stage.score) == "timeout"


async def test_a_new_week_has_a_new_account_that_counts_from_one(stage: Stage) -> None:
    await stage.score.round()
    stage.clock.advance(timedelta(days=7))
    await stage.score.round()
    assert {account: len(ids) for account, ids in stage.product.events.items()} == {
        "canary-score-2026-w48": 1,
        "canary-score-2026-w49": 1,
    }


async def test_a_new_day_brings_one_more_day_of_past(stage: Stage) -> None:
    await stage.alert.round()
    await stage.alert.round()
    assert len(stage.product.events[ALERT_ACCOUNT]) == 14
    stage.clock.advance(timedelta(days=1))
    await stage.alert.round()
    assert len(stage.product.events[ALERT_ACCOUNT]) == 15


async def test_the_alert_leg_opens_the_alert_and_closes_it_again(stage: Stage) -> None:
    stage.product.delay = timedelta(seconds=2)
    assert await stage.alert.round() == timedelta(seconds=2)
    assert await stage.alert.round() == timedelta(seconds=2)
    statuses = [status for _, status in stage.product.statuses[ALERT_ACCOUNT]]
    assert statuses == ["paused", "live", "paused", "live", "paused"]


async def test_what_a_failed_round_left_open_is_closed_first(stage: Stage) -> None:
    await stage.alert.round()
    await stage.alert._switch("live")
    await stage.alert.round()
    statuses = [status for _, status in stage.product.statuses[ALERT_ACCOUNT]]
    assert statuses[-4:] == ["live", "paused", "live", "paused"]


async def test_an_alert_of_another_account_is_wrong(stage: Stage) -> None:
    await stage.alert.round()
    stage.product.stranger = True
    assert await stage.fails(stage.alert) == "wrong"


async def test_rounds_keep_their_pace_and_a_failure_ends_nothing(stage: Stage) -> None:
    starts = []

    async def wait(span: timedelta) -> None:
        stage.clock.advance(span)
        if span > timedelta(seconds=1):
            starts.append(stage.clock())
            stage.product.faults = {"bad key"} if len(starts) == 2 else set()
            if len(starts) == 4:
                raise asyncio.CancelledError

    time = Time(stage.clock, wait)
    leg = ScoreLeg(stage.product.doors(), time, PATIENCE)
    with pytest.raises(asyncio.CancelledError):
        await keep_going(leg, Pace(timedelta(seconds=30), PATIENCE), time)
    assert [at - WEDNESDAY for at in starts] == [timedelta(seconds=30 * i) for i in (1, 2, 3, 4)]
    assert failures("score") == {"refused": 1}


async def test_a_round_leaves_its_time_and_its_moment_in_the_metrics(stage: Stage) -> None:
    metrics.begin(WEDNESDAY.timestamp())
    stage.product.faults = {"bad key"}
    await one_round(stage.score, stage.clock.time())
    assert (failures("score"), last_success("score")) == ({"refused": 1}, WEDNESDAY.timestamp())
    stage.product.faults = set()
    await one_round(stage.score, stage.clock.time())
    assert last_success("score") == stage.clock().timestamp() > WEDNESDAY.timestamp()
