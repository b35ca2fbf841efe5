"""A loop that stands still is told of; one whose broker is away turns, and is not."""

from __future__ import annotations

from datetime import timedelta

from kizashi_common.stream.watchdog import Watchdog
from tests.conftest import START
from tests.twins.bus import MemoryBus
from tests.twins.clock import SetClock


def watchdog(clock: SetClock) -> Watchdog:
    return Watchdog("health", MemoryBus({"t": 1}, clock).consumer("t", "g"))


def test_before_its_first_turn_a_loop_is_not_held_up(clock: SetClock) -> None:
    assert watchdog(clock).held_up(START + timedelta(hours=1)) is None


def test_a_loop_may_wait_five_minutes_for_somebody_and_no_longer(clock: SetClock) -> None:
    watching = watchdog(clock)
    watching.turned(START, ())
    assert watching.held_up(START + timedelta(seconds=299)) is None
    assert watching.held_up(START + timedelta(seconds=300)) == "the consumer has not polled since 09:00:00 UTC"
    watching.turned(START + timedelta(seconds=301), ())
    assert watching.held_up(START + timedelta(seconds=302)) is None
