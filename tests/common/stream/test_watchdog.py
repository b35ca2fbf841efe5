"""A loop that stands still is told of; a client that hears nothing ends the process, unless no broker is there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from kizashi_common.stream.watchdog import Watchdog
from tests.twins.bus import MemoryBus, MemoryConsumer
from tests.twins.clock import SetClock

TEN = timedelta(seconds=10)


class Listening:
    """Takes whatever it is given."""

    async def assigned(self, partitions: frozenset[int]) -> None:
        """Fine."""

    async def revoked(self, partitions: frozenset[int]) -> None:
        """Fine."""


@pytest.fixture
def bus(clock: SetClock) -> MemoryBus:
    return MemoryBus({"t": 1}, clock)


@pytest.fixture
async def consumer(bus: MemoryBus) -> AsyncIterator[MemoryConsumer]:
    consumer = bus.consumer("t", "g")
    await consumer.start(Listening())
    consumer.resume([0])
    await consumer.fetch(timedelta(0), 1)
    yield consumer
    await consumer.stop()


@pytest.fixture
def watching(consumer: MemoryConsumer, clock: SetClock) -> Watchdog:
    return Watchdog("health", consumer, clock)


async def _turns(watching: Watchdog, clock: SetClock, *, minutes: int) -> None:
    """The loop turns and the watchdog looks, every ten seconds, and nothing is heard from the broker."""
    for _ in range(6 * minutes):
        watching.turned()
        await watching.look([0])
        clock.advance(TEN)


def test_before_its_first_turn_a_loop_is_not_held_up(watching: Watchdog, clock: SetClock) -> None:
    clock.advance(timedelta(hours=1))
    assert watching.held_up() is None


def test_a_loop_may_wait_five_minutes_for_somebody_and_no_longer(watching: Watchdog, clock: SetClock) -> None:
    watching.turned()
    clock.advance(timedelta(seconds=299))
    assert watching.held_up() is None
    clock.advance(timedelta(seconds=1))
    assert watching.held_up() == "the consumer has not polled since 09:00:00 UTC"
    watching.turned()
    assert watching.held_up() is None


async def test_a_client_that_hears_nothing_though_a_broker_answers_ends_the_process(
    watching: Watchdog, clock: SetClock
) -> None:
    await _turns(watching, clock, minutes=2)
    with pytest.raises(RuntimeError, match="no fetch of partition 0 was answered"):
        await _turns(watching, clock, minutes=1)


async def test_while_no_broker_answers_silence_is_right(watching: Watchdog, bus: MemoryBus, clock: SetClock) -> None:
    bus.broken = True
    await _turns(watching, clock, minutes=60)
    bus.broken = False
    await _turns(watching, clock, minutes=1)
    with pytest.raises(RuntimeError):
        await _turns(watching, clock, minutes=1)


async def test_a_client_that_hears_again_is_left_alone(
    watching: Watchdog, consumer: MemoryConsumer, bus: MemoryBus, clock: SetClock
) -> None:
    bus.broken = True
    await _turns(watching, clock, minutes=5)
    bus.broken = False
    for _ in range(20):
        await consumer.fetch(timedelta(0), 1)
        await _turns(watching, clock, minutes=1)


async def test_a_loop_that_was_held_up_proves_nothing_against_the_client(watching: Watchdog, clock: SetClock) -> None:
    for _ in range(20):
        watching.turned()
        clock.advance(timedelta(seconds=20))
        await watching.look([0])
