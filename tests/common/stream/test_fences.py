"""A partition that two claim in turn: each waits longer before it takes it back. Source: HEALTH.md 3."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kizashi_common.stream.fences import Fences

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_each_loss_in_a_row_waits_twice_as_long_up_to_four_seconds() -> None:
    fences = Fences()
    assert [fences.wait(0, NOON + timedelta(seconds=10 * i)) for i in range(5)] == [1, 2, 4, 4, 4]


def test_partitions_wait_for_themselves_and_a_quiet_minute_is_forgotten() -> None:
    fences = Fences()
    assert (fences.wait(0, NOON), fences.wait(1, NOON), fences.wait(0, NOON)) == (1, 1, 2)
    assert fences.wait(0, NOON + timedelta(minutes=2)) == 1
