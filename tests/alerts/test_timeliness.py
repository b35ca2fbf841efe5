"""Which first attempts count for the objective: judged in code, and counted once per delivery."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi_alerts.domain.timeliness import LIMIT, is_good
from kizashi_alerts.engine.past import past_of
from tests.alerts.receiver import Says, receiving
from tests.alerts.stage import SILENT, Stage
from tests.alerts.test_imported_past import SUBJECT, days
from tests.alerts.test_webhooks import an_alert, an_endpoint
from tests.alerts.world import START, World
from tests.counted import Growth, judged

SLO = "alert-delivery"

waits = st.timedeltas(timedelta(0), timedelta(days=10))


@given(waits)
def test_what_the_receiver_did_is_not_judged_not_even_when_it_was_late(waited: timedelta) -> None:
    assert is_good(waited, "receiver") is None


@given(waits)
def test_a_failure_of_ours_is_bad_in_time_too(waited: timedelta) -> None:
    assert is_good(waited, "us") is False


@given(waits)
def test_an_attempt_is_good_within_a_minute_and_bad_after(waited: timedelta) -> None:
    assert is_good(waited, "nobody") is (waited <= LIMIT)


def test_telling_of_an_imported_past_is_due_when_it_is_found_not_when_it_began() -> None:
    world = World()
    past = past_of(world.book, days(SILENT, SILENT, SILENT))
    assert past is not None
    world.wake(SUBJECT, past)
    (opened,) = world.happened
    assert opened.at == START + timedelta(days=1), "the alert says when it began"
    assert opened.due_at == world.now


def test_telling_is_due_since_the_score_was_appended() -> None:
    world = World()
    world.signals |= dict(SILENT)
    world.at("6d")
    assert [one.due_at for one in world.happened] == [world.log[-1].at]


async def test_a_prompt_delivery_is_one_good_unit(stage: Stage) -> None:
    good, bad = judged(SLO)
    seconds = Growth("alerts_score_to_delivered_seconds_count", channel="webhook")
    async with receiving() as receiver:
        await an_endpoint(stage, receiver)
        await an_alert(stage)
        await stage.deliver.turn(first=True)
    assert (good(), bad(), seconds()) == (1, 0, 1)


async def test_time_counts_from_the_score_that_caused_it_not_from_when_it_was_read(stage: Stage) -> None:
    good, bad = judged(SLO)
    async with receiving() as receiver:
        await an_endpoint(stage, receiver)
        stage.appended_at = stage.clock()
        stage.later(seconds=61)
        await an_alert(stage)
        await stage.deliver.turn(first=True)
    assert (good(), bad()) == (0, 1)


async def test_a_delivery_that_waited_for_us_is_bad(stage: Stage) -> None:
    good, bad = judged(SLO)
    async with receiving() as receiver:
        await an_endpoint(stage, receiver)
        await an_alert(stage)
        stage.later(seconds=61)
        await stage.deliver.turn(first=True)
    assert (good(), bad()) == (0, 1)


@pytest.mark.parametrize("says", [Says(500), Says(302), Says(429), Says(410)], ids=lambda says: str(says.status))
async def test_a_receivers_error_is_not_judged_and_neither_are_its_retries(stage: Stage, says: Says) -> None:
    good, bad = judged(SLO)
    async with receiving(says) as receiver:
        await an_endpoint(stage, receiver)
        await an_alert(stage)
        await stage.deliver.turn(first=True)
        stage.later(seconds=3_600)
        await stage.deliver.turn(first=False)
    assert (good(), bad()) == (0, 0)


async def test_a_secret_that_does_not_open_is_our_failure(stage: Stage) -> None:
    good, bad = judged(SLO)
    async with receiving() as receiver:
        await an_endpoint(stage, receiver)
        await an_alert(stage)
        await stage.rows("UPDATE alerts.secret SET ciphertext = '\\x00'")
        await stage.deliver.turn(first=True)
        assert receiver.got == []
    assert (good(), bad()) == (0, 1)


async def test_a_delivery_that_another_process_finished_counts_there(stage: Stage) -> None:
    good, bad = judged(SLO)
    async with receiving() as receiver:
        await an_endpoint(stage, receiver)
        await an_alert(stage)
        (leased,) = await stage.lease(first=True, most=5)
        stage.later(seconds=51)
        assert await stage.deliver.turn(first=True) == 1
        assert (good(), bad()) == (1, 0)
        await stage.deliver._one(leased)
    assert (good(), bad()) == (1, 0)
