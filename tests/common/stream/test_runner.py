"""The runner among rebalances, failing listeners and changing logs: nothing out of place, nothing twice, no stall."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from kizashi_common.contracts.envelope import Record
from kizashi_common.errors import Busy
from kizashi_common.stream.runner import Runner
from kizashi_common.stream.slot import Beat
from tests.chance import seeded
from tests.chaos.proxy import proxied
from tests.common.stream.toy import EVENTS, SCORES, Running, Toy
from tests.conftest import Databases
from tests.invariants import STREAM, ids_are_unique, watched
from tests.twins.bus import MemoryBus, MemoryConsumer

CHECKED = (*STREAM, ids_are_unique)


@pytest.fixture
def toy(databases: Databases) -> Toy:
    return Toy(databases)


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Running]:
    made = Running()
    yield made
    await made.stop()


class Peer:
    """Another member of the group that takes its share and reads nothing. `slow`: its revocation waits for `go`."""

    def __init__(self, toy: Toy, group: str = "g", *, slow: bool = False) -> None:
        self._consumer = toy.bus.consumer(EVENTS, group)
        self.go = asyncio.Event()
        self.revoking = asyncio.Event()
        if not slow:
            self.go.set()

    async def assigned(self, partitions: frozenset[int]) -> None:
        """Takes them and reads nothing."""

    async def revoked(self, partitions: frozenset[int]) -> None:
        self.revoking.set()
        await self.go.wait()

    async def join(self) -> None:
        await self._consumer.start(self)

    async def leave(self) -> None:
        await self._consumer.stop()


async def drained(runner: Runner[Any, Any, Any]) -> None:
    async with asyncio.timeout(10):
        await runner.drained()


async def committed(toy: Toy, count: int) -> bool:
    return [len(await toy.applied(p)) for p in range(toy.partitions)] == [count] * toy.partitions


async def test_every_record_is_applied_and_told_once_and_in_order(toy: Toy, running: Running) -> None:
    runner = toy.runner()
    running.start(runner)
    async with watched(toy.databases.owner_url, CHECKED):
        for _ in range(20):
            await toy.send(0, 30)
            await toy.send(1, 30)
            await asyncio.sleep(0.005)
        await running.until(lambda: runner.ready() is None)
        await drained(runner)
    for partition in range(2):
        await toy.exact(partition, 600)


async def test_two_members_that_come_and_go_under_load_exchange_partitions_exactly(
    databases: Databases, running: Running
) -> None:
    toy = Toy(databases, partitions=4)
    first = toy.runner()
    running.start(first)
    async with watched(databases.owner_url, CHECKED) as watch:
        for _ in range(5):
            second = Running()
            second.start(toy.runner())
            for _ in range(10):
                for partition in range(4):
                    await toy.send(partition, 7)
                await asyncio.sleep(0.005)
            await second.stop()
        await running.until(lambda: committed(toy, 350))
        await drained(first)
    assert watch.looks > 3
    for partition in range(4):
        await toy.exact(partition, 350)


async def test_a_member_beyond_the_partitions_is_ready_and_takes_over_at_once(toy: Toy, running: Running) -> None:
    runners = [toy.runner() for _ in range(toy.partitions + 1)]
    others = Running()
    for runner in runners:
        assert "group" in (runner.ready() or "")
        (running if runner is runners[-1] else others).start(runner)
    await running.until(lambda: all(runner.ready() is None for runner in runners))
    assert not any(runners[-1].owns(partition) for partition in range(toy.partitions))
    await others.stop()
    await running.until(lambda: all(runners[-1].owns(partition) for partition in range(toy.partitions)))
    assert runners[-1].ready() is None


async def test_a_partition_that_leaves_while_it_loads_and_comes_back_is_live_again(toy: Toy, running: Running) -> None:
    opening, go = asyncio.Event(), asyncio.Event()

    async def before_open(partition: int) -> None:
        opening.set()
        await go.wait()

    toy.store.before_open = before_open
    runner, peer = toy.runner(), Peer(toy)
    await toy.send(0, 5)
    await toy.send(1, 5)
    running.start(runner)
    await opening.wait()
    await peer.join()
    await peer.leave()
    go.set()
    await running.until(lambda: committed(toy, 5))
    await toy.send(0, 5)
    await toy.send(1, 5)
    await running.until(lambda: committed(toy, 10))


async def test_a_partition_that_left_for_good_while_it_loaded_is_not_held(toy: Toy, running: Running) -> None:
    opening, go = asyncio.Event(), asyncio.Event()

    async def before_open(partition: int) -> None:
        if partition == 1:
            opening.set()
            await go.wait()

    toy.store.before_open = before_open
    runner, peer = toy.runner(), Peer(toy)
    running.start(runner)
    await opening.wait()
    await peer.join()
    go.set()
    await toy.send(0, 5)
    await running.until(lambda: runner.ready() is None)
    await drained(runner)
    assert runner.owns(0)
    assert not runner.owns(1)


async def test_a_load_that_is_tried_again_after_its_partition_left_takes_nothing(toy: Toy, running: Running) -> None:
    """While others still give up theirs, the client goes on naming the old assignment."""
    failed = asyncio.Event()

    async def before_open(partition: int) -> None:
        if partition == 1 and not failed.is_set():
            failed.set()
            raise Busy

    toy.store.before_open = before_open
    runner, peer, third = toy.runner(), Peer(toy, slow=True), Peer(toy)
    running.start(runner)
    await failed.wait()
    await peer.join()
    failed.clear()
    joining = asyncio.ensure_future(third.join())
    await peer.revoking.wait()
    await asyncio.sleep(0.5)
    assert not runner.owns(1)
    peer.go.set()
    await joining
    await peer.leave()
    await third.leave()
    await toy.send(0, 5)
    await toy.send(1, 5)
    await running.until(lambda: committed(toy, 5))


class Unheard(MemoryConsumer):
    """A client whose call of `revoked` got lost, as a listener's exception is: logged, swallowed, and on it goes."""

    async def _revoke(self) -> None:
        """Tells nobody."""


class Unpaused(MemoryConsumer):
    """The mutant without `pause`: what it hands out begins before any seek, at offset 7."""

    async def _give(self, partitions: frozenset[int]) -> None:
        await super()._give(partitions)
        self._paused = set()
        self._offsets = dict.fromkeys(partitions, 7)


class Ahead(MemoryConsumer):
    """Hands out prefetched records of a higher offset, now and then, whatever was sought."""

    turn = 0

    def _take(self, most: int) -> dict[int, list[Record]]:
        Ahead.turn += 1
        found = super()._take(min(most, 5))
        if Ahead.turn % 3 == 0:
            return {partition: records[2:] for partition, records in found.items() if records[2:]}
        return found


class Torn(MemoryConsumer):
    """Hands out batches with a hole in the middle."""

    def _take(self, most: int) -> dict[int, list[Record]]:
        return {p: [*records[:2], *records[3:]] for p, records in super()._take(most).items()}


class Backward(MemoryConsumer):
    """Hands out the other partitions first: dictionaries have an order, and nobody promised one."""

    async def fetch(self, within: timedelta, most: int) -> Mapping[int, Sequence[Record]]:
        found = await super().fetch(within, most)
        return dict(reversed(found.items()))


def of(kind: type[MemoryConsumer], bus: MemoryBus) -> dict[str, Any]:
    return {"consumer": kind(bus, EVENTS, "g")}


async def test_a_revocation_that_nobody_heard_leaves_no_partition_without_records(toy: Toy, running: Running) -> None:
    runner, peer = toy.runner(**of(Unheard, toy.bus)), Peer(toy)
    running.start(runner)
    await toy.send(0, 5)
    await toy.send(1, 5)
    await running.until(lambda: committed(toy, 5))
    async with watched(toy.databases.owner_url, CHECKED):
        for count in (10, 15, 20):
            await peer.join()
            await toy.send(0, 5)
            await toy.send(1, 5)
            await peer.leave()
            await running.until(lambda count=count: committed(toy, count))  # type: ignore[misc]
        await drained(runner)
    for partition in range(2):
        await toy.exact(partition, 20)


async def test_an_unheard_revocation_in_the_middle_of_a_batch_is_no_replaced_log(toy: Toy, running: Running) -> None:
    """Partition 1 is slow to read; meanwhile 0 was loaded anew, so what was fetched for it belongs to its past."""
    reading, go = asyncio.Event(), asyncio.Event()

    class Both(Unheard, Backward):
        """Unheard, and partition 1 first."""

    async def before_read(partition: int) -> None:
        if partition == 1:
            reading.set()
            await go.wait()

    runner, peer = toy.runner(**of(Both, toy.bus)), Peer(toy)
    running.start(runner)
    await running.until(lambda: runner.ready() is None)
    toy.store.before_read = before_read
    log = toy.bus.log
    await toy.send(0, 5)
    await toy.send(1, 5)
    await reading.wait()
    await peer.join()
    await peer.leave()
    await asyncio.sleep(0.2)
    go.set()
    await running.until(lambda: committed(toy, 5))
    await toy.send(0, 5)
    await toy.send(1, 5)
    await running.until(lambda: committed(toy, 10))
    assert runner.ready() is None
    assert len(log[EVENTS, 0]) == 10


async def test_what_befalls_the_old_slot_of_a_partition_is_nothing_to_the_new_one(toy: Toy, running: Running) -> None:
    """The old one is about to flush when its partition is given anew; its flush is refused, and that is all."""
    runner, held, go = toy.runner(**of(Unheard, toy.bus)), asyncio.Event(), asyncio.Event()
    running.start(runner)
    await running.until(lambda: runner.ready() is None)
    old = runner.live[0]

    async def before_wakes(partition: int) -> None:
        if partition == 0 and old.dirty_since is not None and not held.is_set():
            held.set()
            await go.wait()

    toy.store.before_wakes = before_wakes
    sent = 0
    async with asyncio.timeout(10):
        while not held.is_set():
            await toy.send(0, 1)
            sent += 1
            await asyncio.sleep(0.01)
    await runner.assigned(frozenset([0]))
    await running.until(lambda: runner.owns(0))
    new, epoch = runner.live[0], await _epoch(toy)
    go.set()
    await running.until(lambda: committed_in(toy, 0, sent))
    await drained(runner)
    assert runner.live[0] is new is not old
    assert await _epoch(toy) == epoch
    await toy.exact(0, sent)


async def committed_in(toy: Toy, partition: int, count: int) -> bool:
    return len(await toy.applied(partition)) == count


async def _epoch(toy: Toy) -> int:
    connection = await asyncpg.connect(toy.databases.owner_url)
    try:
        return int(await connection.fetchval("SELECT epoch FROM health.consumer_slot WHERE part = 0"))
    finally:
        await connection.close()


@pytest.mark.parametrize("kind", [Unpaused, Ahead])
async def test_records_of_a_higher_offset_are_never_applied_out_of_place(
    kind: type[MemoryConsumer], toy: Toy, running: Running
) -> None:
    await toy.send(0, 20)
    await toy.send(1, 20)
    runner, peer = toy.runner(**of(kind, toy.bus)), Peer(toy)
    running.start(runner)
    async with watched(toy.databases.owner_url, CHECKED):
        await running.until(lambda: committed(toy, 20))
        await peer.join()
        await toy.send(0, 20)
        await toy.send(1, 20)
        await peer.leave()
        await running.until(lambda: committed(toy, 40))
    for partition in range(2):
        assert await toy.applied(partition) == list(range(40))


async def test_a_hole_inside_a_batch_is_never_counted_over(toy: Toy, running: Running) -> None:
    runner = toy.runner(**of(Torn, toy.bus))
    running.start(runner)
    await running.until(lambda: runner.ready() is None)
    async with watched(toy.databases.owner_url, CHECKED):
        await toy.send(0, 9)
        await running.until(lambda: "partition 0 stopped" in (runner.ready() or ""))
    assert await toy.applied(0) == []


async def test_a_log_that_lost_unread_records_under_a_live_slot_stops_it_and_does_not_spin(
    toy: Toy, running: Running
) -> None:
    runner = toy.runner()
    running.start(runner)
    await toy.send(0, 5)
    await toy.send(1, 5)
    await running.until(lambda: committed(toy, 5))
    await toy.send(0, 0)
    log = toy.bus.log[EVENTS, 0]
    await toy.send(1, 5)
    async with asyncio.timeout(5):
        log += [record._replace(offset=record.offset + 100) for record in log]
        del log[:5]
        toy.bus.news.set()
        await running.until(lambda: "partition 0 stopped" in (runner.ready() or ""))
    await running.until(lambda: _is(toy, 1, 10))
    assert await toy.applied(0) == list(range(5))


async def _is(toy: Toy, partition: int, count: int) -> bool:
    return len(await toy.applied(partition)) == count


async def test_a_listener_that_is_slow_to_give_up_loses_nothing(toy: Toy, running: Running) -> None:
    """Rows come slowly, so every revocation waits for the batch in hand."""

    async def before_read(partition: int) -> None:
        await asyncio.sleep(0.02)

    toy.store.before_read = before_read
    runner, peer = toy.runner(), Peer(toy)
    running.start(runner)
    async with watched(toy.databases.owner_url, CHECKED):
        for _ in range(5):
            await toy.send(0, 8)
            await toy.send(1, 8)
            await peer.join()
            await peer.leave()
        await running.until(lambda: committed(toy, 40))
        await drained(runner)
    for partition in range(2):
        await toy.exact(partition, 40)


async def test_rows_that_cannot_be_read_at_first_are_asked_for_again(toy: Toy, running: Running) -> None:
    left = 4

    async def before_read(partition: int) -> None:
        nonlocal left
        if left:
            left -= 1
            raise Busy

    toy.store.before_read = before_read
    runner = toy.runner()
    running.start(runner)
    await toy.send(0, 8)
    await toy.send(1, 8)
    await running.until(lambda: committed(toy, 8))
    await drained(runner)
    for partition in range(2):
        await toy.exact(partition, 8)


async def test_while_the_broker_takes_no_messages_counting_goes_on_and_all_are_told_later(
    toy: Toy, running: Running
) -> None:
    runner = toy.runner()
    running.start(runner)
    await running.until(lambda: runner.ready() is None)
    sending = toy.bus.producer()
    await toy.send(0, 5)
    await running.until(lambda: _is(toy, 0, 5))
    toy.bus.broken = True
    log, records = toy.bus.log[EVENTS, 0], toy.bus.log[EVENTS, 0][:5]
    log += [record._replace(offset=record.offset + 5) for record in records]
    toy.bus.news.set()
    await running.until(lambda: _is(toy, 0, 10))
    assert toy.told(0) == list(range(5))
    await running.stop()
    toy.bus.broken = False
    assert sending.partitions(SCORES) == 2
    again = toy.runner()
    running.start(again)
    await running.until(lambda: again.ready() is None)
    await drained(again)
    await toy.exact(0, 10)


async def test_an_end_at_any_moment_loses_and_doubles_nothing(toy: Toy, running: Running) -> None:
    chance = seeded("ends at any moment")
    sent = 0
    async with watched(toy.databases.owner_url, CHECKED):
        for _ in range(25):
            runner = toy.runner(beat=Beat(at_least=timedelta(milliseconds=1)))
            running.start(runner)
            for _ in range(chance.randrange(8)):
                await toy.send(0, 3)
                await toy.send(1, 3)
                sent += 3
                await asyncio.sleep(chance.random() * 0.01)
            await asyncio.sleep(chance.random() * 0.02)
            await running.stop()
        runner = toy.runner()
        running.start(runner)
        await running.until(lambda: committed(toy, sent))
        await drained(runner)
    for partition in range(2):
        await toy.exact(partition, sent)


async def test_a_forgetful_brokers_new_log_is_adopted_and_told_of_once(toy: Toy, running: Running) -> None:
    running.start(toy.runner())
    await toy.send(0, 9)
    await toy.send(1, 9)
    await running.until(lambda: committed(toy, 9))
    await running.stop()
    new = Toy(toy.databases)
    new.bus.cluster = "another"
    new.store = toy.store
    stopped = new.runner()
    running.start(stopped)
    await running.until(lambda: "stopped" in (stopped.ready() or ""))
    await running.stop()
    assert not toy.store.replaced
    async with watched(toy.databases.owner_url, CHECKED[:-1]):
        runner = new.runner(replaceable=True)
        running.start(runner)
        await new.send(0, 4)
        await running.until(lambda: runner.ready() is None)
        await drained(runner)
        assert len(toy.store.replaced) == 2
        await running.stop()
        again = new.runner(replaceable=True)
        running.start(again)
        await running.until(lambda: again.ready() is None)
    assert len(toy.store.replaced) == 2
    assert await new.applied(0) == [*range(9), *range(4)]


async def test_while_the_database_is_away_memory_is_bounded_and_the_backlog_is_caught_up(
    toy: Toy, running: Running
) -> None:
    beat, most, count = Beat(at_least=timedelta(milliseconds=10), rows=500), 5_000, 40_000
    async with proxied(toy.databases.urls["health"]) as (proxy, database):
        runner = toy.runner(ledger=toy.ledger(database), beat=beat)
        running.start(runner)
        await toy.send(0, 5)
        await running.until(lambda: _is(toy, 0, 5))
        proxy.leave()
        turns = runner._turns
        await toy.send(0, count)
        await asyncio.sleep(1.5)
        (engine,) = [engine for engine in toy.store.engines if engine.claim.partition == 0]
        assert engine.position <= 5 + beat.rows + most
        assert engine.most_waiting <= beat.rows + most
        await running.until(lambda: runner._turns > turns + 3, 20)  # the loop goes on turning
        proxy.come_back()
        await running.until(lambda: _is(toy, 0, count + 5), 20)
        await drained(runner)
    await toy.exact(0, count + 5)


async def test_a_database_that_falls_silent_is_left_after_the_patience_and_met_again(
    toy: Toy, running: Running
) -> None:
    async with proxied(toy.databases.urls["health"]) as (proxy, database):
        runner = toy.runner(ledger=toy.ledger(database, patience=timedelta(milliseconds=300)))
        running.start(runner)
        await toy.send(0, 5)
        await running.until(lambda: _is(toy, 0, 5))
        proxy.fall_silent()
        turns = runner._turns
        await toy.send(0, 5)
        await running.until(lambda: runner._turns > turns + 1, 20)  # no turn waits for ever
        proxy.speak()
        await running.until(lambda: _is(toy, 0, 10), 20)
        await drained(runner)
    await toy.exact(0, 10)


@pytest.mark.parametrize("culprits", [{0}, {37}, {199}, {40, 41, 150}])
@pytest.mark.parametrize("where", ["apply", "write"])
async def test_records_that_nobody_can_bear_are_found_and_all_others_counted(
    toy: Toy, running: Running, culprits: set[int], where: str
) -> None:
    toy.store.unbearable[where] = culprits
    runner = toy.runner()
    running.start(runner)
    for _ in range(20):
        await toy.send(0, 10)
        await toy.send(1, 10)
    await running.until(lambda: runner.ready() is None)
    await running.until(lambda: committed_in(toy, 1, 200))
    await running.until(lambda: committed_in(toy, 0, 200 - len(culprits)), 20)
    await drained(runner)
    assert await toy.applied(0) == [offset for offset in range(200) if offset not in culprits]
    assert await toy.applied(1) == list(range(200))
    connection = await asyncpg.connect(toy.databases.owner_url)
    rows = await connection.fetch("SELECT off, code, error FROM health.dead_letter ORDER BY off")
    await connection.close()
    assert [(row["off"], row["code"]) for row in rows] == [(offset, "refused") for offset in sorted(culprits)]
    assert "too much" in rows[0]["error"]
    # It goes on as before: whole batches, and nothing is suspected.
    await toy.send(0, 50)
    await running.until(lambda: committed_in(toy, 0, 250 - len(culprits)))
    assert 0 not in runner._suspects


async def test_a_partition_that_leaves_while_its_record_fails_ends_nobody(toy: Toy, running: Running) -> None:
    toy.store.unbearable["apply"] = {3}
    reading, go = asyncio.Event(), asyncio.Event()

    async def before_read(partition: int) -> None:
        if partition == 0:
            reading.set()
            await go.wait()

    toy.store.before_read = before_read
    runner = toy.runner()
    running.start(runner)
    await toy.send(0, 6)
    await reading.wait()
    leaving = asyncio.ensure_future(runner.revoked(frozenset([0])))
    await asyncio.sleep(0)
    go.set()
    await leaving
    await runner.assigned(frozenset([0]))
    await running.until(lambda: committed_in(toy, 0, 5))
    assert await toy.applied(0) == [0, 1, 2, 4, 5]


async def test_an_error_that_no_record_brought_about_ends_the_process(toy: Toy, running: Running) -> None:
    async def before_wakes(partition: int) -> None:
        raise ValueError("a mistake of ours")

    runner = toy.runner()
    task = running.start(runner)
    await running.until(lambda: runner.ready() is None)
    toy.store.before_wakes = before_wakes
    async with asyncio.timeout(10):
        while not task.done():
            await toy.send(0, 1)
            await asyncio.sleep(0.005)
    with pytest.raises(ExceptionGroup) as ended:
        await task
    assert ended.group_contains(ValueError, match="mistake of ours")
    running.tasks.clear()
    connection = await asyncpg.connect(toy.databases.owner_url)
    assert await connection.fetchval("SELECT count(*) FROM health.dead_letter") == 0
    await connection.close()
