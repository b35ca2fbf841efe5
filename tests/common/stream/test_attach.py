"""Before a slot goes live, its log is compared with what was read: the same, the first, another, or one with a hole."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kizashi_common.contracts.envelope import Outgoing
from kizashi_common.errors import Busy, LogGap, LogReset
from kizashi_common.stream.attach import Finding, compare
from kizashi_common.stream.shapes import Claim
from kizashi_common.stream.slot import anchor_hash
from tests.twins.bus import MemoryBus, MemoryConsumer
from tests.twins.clock import SetClock

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOPIC = "events"


async def a_log(count: int, *, cluster: str = "one", word: bytes = b"first", drop: int = 0) -> MemoryBus:
    """A log of so many records, of which retention has removed the first ones."""
    bus = MemoryBus({TOPIC: 1}, SetClock(NOON), cluster)
    await bus.producer().send(TOPIC, 0, [Outgoing(b"k", b"%b %d" % (word, i)) for i in range(count)])
    del bus.log[TOPIC, 0][:drop]
    return bus


def a_claim(**over: object) -> Claim:
    fresh = Claim(0, 0, 1, TOPIC, 3, 0, 0, 0, 0, None, 1, 0, None, None, None, fresh=True)
    return fresh._replace(**over)  # type: ignore[arg-type]


async def applied(bus: MemoryBus, through: int) -> Claim:
    """A claim of somebody who has applied everything before `through` of this log."""
    last = bus.log[TOPIC, 0][through - 1]
    return a_claim(
        next_offset=through,
        anchor_offset=last.offset,
        anchor_hash=anchor_hash(last),
        cluster_id=bus.cluster,
        fresh=False,
    )


async def asked(bus: MemoryBus, claim: Claim, *, replaceable: bool = False) -> tuple[Finding, int]:
    return await compare(bus.consumer(TOPIC, "g"), claim, bus.cluster, replaceable=replaceable)


@pytest.mark.parametrize("through", [1, 5, 10])
async def test_an_equal_anchor_goes_on_where_it_was(through: int) -> None:
    bus = await a_log(10)
    assert await asked(bus, await applied(bus, through)) == (Finding.SAME, through)


async def test_a_slot_that_never_read_begins_at_the_first_record_there_is() -> None:
    assert await asked(await a_log(10, drop=4), a_claim()) == (Finding.FIRST, 4)
    assert await asked(await a_log(0), a_claim()) == (Finding.FIRST, 0)


async def test_a_slot_that_has_only_seen_an_empty_log_goes_on_when_records_come() -> None:
    claim = a_claim(cluster_id="one", fresh=False)
    assert await asked(await a_log(0), claim) == (Finding.SAME, 0)
    assert await asked(await a_log(3), claim) == (Finding.SAME, 0)


async def test_an_anchor_that_aged_out_is_no_fault_while_nothing_unread_was_lost() -> None:
    bus = await a_log(10)
    claim = await applied(bus, 5)
    del bus.log[TOPIC, 0][:5]
    assert await asked(bus, claim) == (Finding.SAME, 5)


async def test_an_anchor_that_cannot_be_read_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(*_: object) -> None:
        return None

    bus = await a_log(10, word=b"second")
    claim = await applied(await a_log(10), 5)
    monkeypatch.setattr(MemoryConsumer, "read_one", slow)
    with pytest.raises(Busy, match="could not be read"):
        await asked(bus, claim)


async def test_records_dropped_before_they_were_read_are_a_gap_even_where_logs_may_be_replaced() -> None:
    bus = await a_log(10)
    claim = await applied(bus, 5)
    del bus.log[TOPIC, 0][:8]
    for replaceable in (False, True):
        with pytest.raises(LogGap, match="3 records"):
            await asked(bus, claim, replaceable=replaceable)


REPLACED = {
    "another cluster": {"cluster": "two"},
    "another cluster that is longer": {"cluster": "two", "count": 50},
    "a shorter log": {"count": 3},
    "an empty log": {"count": 0},
    "a longer log with another anchor": {"count": 50, "word": b"second"},
    "an equally long log with another anchor": {"word": b"second"},
}


@pytest.mark.parametrize("change", REPLACED.values(), ids=REPLACED.keys())
async def test_a_replaced_log_stops_the_partition_unless_its_broker_is_known_to_forget(
    change: dict[str, object],
) -> None:
    claim = await applied(await a_log(10), 7)
    bus = await a_log(**{"count": 10, **change})  # type: ignore[arg-type]
    with pytest.raises(LogReset):
        await asked(bus, claim)
    assert await asked(bus, claim, replaceable=True) == (Finding.REPLACED, 0)


async def test_a_new_log_that_already_lost_its_first_records_is_read_from_what_there_is() -> None:
    claim = await applied(await a_log(10), 7)
    bus = await a_log(30, cluster="two", drop=12)
    assert await asked(bus, claim, replaceable=True) == (Finding.REPLACED, 12)


async def test_a_person_may_give_a_log_up_and_accept_a_gap_but_not_with_one_word_for_both() -> None:
    claim = await applied(await a_log(10), 7)
    another = await a_log(10, cluster="two")
    assert await asked(another, claim._replace(may_reset=True)) == (Finding.REPLACED, 0)
    short = await a_log(10)
    del short.log[TOPIC, 0][:9]
    with pytest.raises(LogGap):
        await asked(short, claim._replace(may_reset=True))
    assert await asked(short, claim._replace(may_reset=True, may_skip=True)) == (Finding.REPLACED, 9)
