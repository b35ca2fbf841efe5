"""The ledger on PostgreSQL: one writer, each flush once, nothing of a fenced owner ever written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kizashi_common.contracts.envelope import Outgoing, Record
from kizashi_common.errors import Busy, Fenced
from kizashi_common.stream.ledger import Advance, Ledger
from kizashi_common.stream.shapes import Claim, Counts, DeadLetter
from tests.common.stream.toy import NOON, SLOTS, Tape, ToyStore, an_id
from tests.conftest import Databases
from tests.invariants import STREAM, broken, ids_are_unique
from tests.twins.clock import SetClock

TOPIC = "events"
CHECKED = (*STREAM, ids_are_unique)
TABLES = ("consumer_slot", "flush_log", "dead_letter", "parked_event", "outbox", "dedupe_chunk")


def a_flush(first: int, last: int, messages: int = 0) -> Tape:
    """Applies the offsets from `first` to before `last`."""
    return Tape(
        Counts(applied=last - first),
        messages=[Outgoing(b"k", b"%d" % i, (("n", b"\xff%d" % i),)) for i in range(messages)],
        offsets=list(range(first, last)),
    )


def to(offset: int, published: int = 0) -> Advance:
    return Advance(offset, offset - 1, an_id(offset), NOON, published)


class Owner:
    """One process that owns the slot, or believes it does."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.store = ToyStore()
        self.claim: Claim

    async def claims(self, partition: int = 0) -> None:
        self.claim = await self.ledger.claim(partition, 8, TOPIC)
        if self.claim.fresh:
            self.claim = await self.ledger.adopt(self.claim, "twin", 0, replaced=False, write=_nothing)

    async def commits(self, flush: Tape, advance: Advance) -> Claim:
        """Commits and forgets the answer, as when it is lost; `self.claim` stays."""

        async def write(connection: Any) -> None:
            await self.store.write(connection, self.claim, flush)

        claim, _ = await self.ledger.commit(self.claim, advance, flush, write)
        return claim

    async def applies(self, count: int, messages: int = 0) -> None:
        first = self.claim.next_offset
        self.claim = await self.commits(a_flush(first, first + count, messages), to(first + count))


async def _nothing(connection: Any) -> None:
    """Writes nothing of its own."""


class Bench:
    """A database, owners of it, and a look at all its tables."""

    def __init__(self, databases: Databases, looking: Any) -> None:
        self.databases = databases
        self.looking = looking
        self._ledgers: list[Ledger] = []

    def owner(self, kind: type[Ledger] = Ledger) -> Owner:
        ledger = kind(self.databases.health, SLOTS, f"owner-{len(self._ledgers)}", SetClock(NOON))
        self._ledgers.append(ledger)
        return Owner(ledger)

    async def rows(self) -> dict[str, list[Any]]:
        return {
            table: [tuple(row) for row in await self.looking.fetch(f"SELECT * FROM health.{table} ORDER BY 1, 2")]
            for table in TABLES
        }

    async def slot(self, slot: int = 0) -> Any:
        return await self.looking.fetchrow("SELECT * FROM health.consumer_slot WHERE slot = $1", slot)

    async def sound(self) -> None:
        assert await broken(self.looking, CHECKED) == []

    async def close(self) -> None:
        for ledger in self._ledgers:
            await ledger.close()
        self._ledgers.clear()


@pytest_asyncio.fixture
async def bench(databases: Databases) -> AsyncIterator[Bench]:
    looking = await asyncpg.connect(databases.owner_url)
    made = Bench(databases, looking)
    try:
        yield made
    finally:
        await made.close()
        await looking.close()


async def test_a_second_claim_fences_the_first_and_nothing_of_its_flush_is_written(bench: Bench) -> None:
    first, second = bench.owner(), bench.owner()
    await first.claims()
    await first.applies(5, messages=2)
    await second.claims()
    before = await bench.rows()
    with pytest.raises(Fenced):
        await first.applies(3, messages=1)
    assert await bench.rows() == before
    await second.applies(3)
    await bench.sound()
    assert (await bench.slot())["applied"] == 8


async def test_a_claim_waits_for_the_flush_that_is_being_written(bench: Bench) -> None:
    first, second = bench.owner(), bench.owner()
    await first.claims()
    writing, go = asyncio.Event(), asyncio.Event()

    async def write(connection: Any) -> None:
        await first.store.write(connection, first.claim, a_flush(0, 4))
        writing.set()
        await go.wait()

    flush = asyncio.ensure_future(first.ledger.commit(first.claim, to(4), a_flush(0, 4), write))
    await writing.wait()
    claim = asyncio.ensure_future(second.claims())
    done, _ = await asyncio.wait([claim], timeout=0.2)
    assert not done
    go.set()
    await flush
    await claim
    assert second.claim.next_offset == 4
    await bench.sound()


async def test_a_flush_that_is_being_written_when_the_slot_moves_on_is_refused(bench: Bench) -> None:
    first, second = bench.owner(), bench.owner()
    await first.claims()
    await second.claims()
    with pytest.raises(Fenced):
        await first.applies(4)
    with pytest.raises(Fenced):
        await first.ledger.adopt(first.claim, "other", 0, replaced=True, write=_nothing)
    await bench.sound()


@pytest.mark.parametrize("times", [1, 2, 5])
async def test_a_commit_repeated_after_a_lost_answer_counts_once(bench: Bench, times: int) -> None:
    owner = bench.owner()
    await owner.claims()
    flush = a_flush(0, 7, messages=3)
    answers = [await owner.commits(flush, to(7)) for _ in range(times + 1)]
    assert len(set(answers)) == 1
    row = await bench.slot()
    assert (row["applied"], row["next_offset"], row["outbox_next"]) == (7, 7, 4)
    await bench.sound()


async def test_a_flush_without_records_that_is_repeated_counts_once(bench: Bench) -> None:
    owner = bench.owner()
    await owner.claims()
    await owner.applies(3)
    sweep = Tape(messages=[Outgoing(b"k", b"sweep")])
    first, again = await owner.commits(sweep, to(3)), await owner.commits(sweep, to(3))
    assert first == again
    assert (await bench.slot())["flush_seq"] == 2
    await bench.sound()


async def test_a_lost_answer_followed_by_another_claim_is_fenced_and_still_counted_once(bench: Bench) -> None:
    first, second = bench.owner(), bench.owner()
    await first.claims()
    flush = a_flush(0, 7)
    await first.commits(flush, to(7))
    await second.claims()
    with pytest.raises(Fenced):
        await first.commits(flush, to(7))
    assert second.claim.next_offset == 7
    await bench.sound()


async def test_an_error_inside_a_flush_leaves_nothing_of_it(bench: Bench) -> None:
    owner = bench.owner()
    await owner.claims()
    await owner.applies(3)
    before = await bench.rows()

    async def write(connection: Any) -> None:
        await owner.store.write(connection, owner.claim, a_flush(3, 6))
        await connection.execute("SELECT 1 / 0")

    with pytest.raises(asyncpg.DivisionByZeroError):
        await owner.ledger.commit(owner.claim, to(6), a_flush(3, 6, messages=2), write)
    assert await bench.rows() == before
    await owner.applies(3)
    await bench.sound()


async def test_a_value_that_cannot_be_written_is_a_fault_and_not_a_database_that_is_away(bench: Bench) -> None:
    owner = bench.owner()
    await owner.claims()

    async def write(connection: Any) -> None:
        await connection.fetchval("SELECT $1::int", 2**40)

    with pytest.raises(asyncpg.DataError, match="invalid input"):
        await owner.ledger.commit(owner.claim, to(1), a_flush(0, 1), write)


async def test_unpublished_messages_survive_claims_until_a_flush_notes_their_acknowledgement(bench: Bench) -> None:
    first, second, third = bench.owner(), bench.owner(), bench.owner()
    await first.claims()
    await first.applies(2, messages=3)
    await second.claims()
    left = await second.ledger.unpublished(second.claim)
    assert [(one.seq, one.message) for one in left] == [
        (i + 1, Outgoing(b"k", b"%d" % i, (("n", b"\xff%d" % i),))) for i in range(3)
    ]
    second.claim = await second.commits(a_flush(2, 4, messages=2), to(4, published=2))
    await third.claims()
    assert [one.seq for one in await third.ledger.unpublished(third.claim)] == [3, 4, 5]
    assert third.claim.outbox_next == 6
    await bench.sound()


async def test_dead_letters_rest_with_the_offset_that_they_had(bench: Bench) -> None:
    owner = bench.owner()
    await owner.claims()
    record = Record(TOPIC, 0, 1, NOON, b"\x00key", b"\xffvalue", (("h", b"\x80"),))
    flush = Tape(Counts(applied=1, dead_lettered=1), [DeadLetter(record, "decode", "x" * 900)], offsets=[0])
    for _ in range(2):
        await owner.commits(flush, to(2))
    (row,) = await bench.looking.fetch("SELECT * FROM health.dead_letter")
    assert (row["slot"], row["incarnation"], row["off"], row["code"]) == (0, 0, 1, "decode")
    assert (row["key"], row["value"], len(row["error"])) == (b"\x00key", b"\xffvalue", 500)
    await bench.sound()


async def test_a_replaced_log_is_a_new_incarnation_and_keeps_the_equation(bench: Bench) -> None:
    owner = bench.owner()
    await owner.claims()
    await owner.applies(40, messages=1)
    told = []

    async def tell(connection: Any) -> None:
        told.append(await connection.fetchval("SELECT incarnation FROM health.consumer_slot WHERE slot = 0"))

    await owner.claims()
    owner.claim = await owner.ledger.adopt(owner.claim, "other", 12, replaced=True, write=tell)
    assert told == [1]
    assert (owner.claim.incarnation, owner.claim.next_offset, owner.claim.anchor_offset) == (1, 12, None)
    await bench.sound()
    first = owner.claim.next_offset
    flush = Tape(Counts(applied=5))
    owner.claim = await owner.commits(flush, to(first + 5))
    await bench.sound()
    row = await bench.slot()
    assert (row["applied"], row["next_offset"], row["next_offset"] - row["first_offset"]) == (45, 17, 45)
    assert [one.seq for one in await owner.ledger.unpublished(owner.claim)] == [1]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 2),
            st.sampled_from(["claim", "commit", "commit", "commit", "repeat", "lose"]),
            st.integers(0, 4),
        ),
        max_size=25,
    )
)
async def test_however_three_owners_take_turns_every_offset_is_counted_once(
    bench: Bench, steps: Sequence[tuple[int, str, int]]
) -> None:
    """A model of one number: how far the slot is. Only who claimed last may move it."""
    await bench.looking.execute(f"TRUNCATE {', '.join('health.' + table for table in TABLES)}")
    owners = [bench.owner() for _ in range(3)]
    owner_now, truth = None, 0
    for who, what, count in steps:
        owner = owners[who]
        if what == "claim" or not hasattr(owner, "claim"):
            await owner.claims()
            owner_now = owner
            assert owner.claim.next_offset == truth
            continue
        first = owner.claim.next_offset
        flush, advance = a_flush(first, first + count, messages=count), to(first + count)
        if owner is not owner_now:
            with pytest.raises(Fenced):
                await owner.commits(flush, advance)
            continue
        after = await owner.commits(flush, advance)
        if what == "repeat":
            assert await owner.commits(flush, advance) == after
        truth += count
        if what == "lose":
            owner_now = None
            del owner.claim
        else:
            owner.claim = after
        await bench.sound()
    row = await bench.slot()
    assert row is None or row["applied"] == row["next_offset"] == truth
    await bench.sound()
    await bench.close()


async def test_partitions_that_load_while_others_flush_do_not_share_a_transaction(bench: Bench) -> None:
    """One connection, two tasks: what one rolls back must not take back what the other was told is done."""
    owner, loader = bench.owner(), None
    await owner.claims(0)
    loader = Owner(owner.ledger)
    writing, go = asyncio.Event(), asyncio.Event()

    async def write(connection: Any) -> None:
        writing.set()
        await go.wait()
        await connection.execute("SELECT 1 / 0")

    flush = asyncio.ensure_future(owner.ledger.commit(owner.claim, to(2), a_flush(0, 2), write))
    await writing.wait()
    claim = asyncio.ensure_future(loader.claims(1))
    for _ in range(20):
        await asyncio.sleep(0.005)
    go.set()
    with pytest.raises(asyncpg.DivisionByZeroError):
        await flush
    await claim
    row = await bench.slot(1)
    assert row is not None
    assert (row["epoch"], row["cluster_id"]) == (loader.claim.epoch, "twin")
    await loader.applies(3)
    await bench.sound()


async def test_many_tasks_over_one_ledger_are_never_told_that_the_database_is_away(bench: Bench) -> None:
    ledger = bench.owner().ledger

    async def work(partition: int) -> None:
        owner = Owner(ledger)
        await owner.claims(partition)
        for _ in range(5):
            await owner.applies(3, messages=1)

    await asyncio.gather(*(work(partition) for partition in range(8)))
    assert await bench.looking.fetchval("SELECT sum(applied) FROM health.consumer_slot") == 8 * 15
    await bench.sound()


async def test_a_flush_that_was_cancelled_anywhere_is_settled_by_the_next_try(bench: Bench) -> None:
    owner = bench.owner()
    await owner.claims()
    for turns in range(60):
        first = owner.claim.next_offset
        flush, advance = a_flush(first, first + 2, messages=1), to(first + 2)
        attempt = asyncio.ensure_future(owner.commits(flush, advance))
        for _ in range(turns):
            await asyncio.sleep(0)
            if turns > 20:
                await asyncio.sleep(0.0002)
        attempt.cancel()
        await asyncio.gather(attempt, return_exceptions=True)
        owner.claim = await owner.commits(flush, advance)
        row = await bench.slot()
        assert row["applied"] == row["next_offset"] == owner.claim.next_offset
        await bench.sound()


async def test_a_database_that_answers_nothing_is_given_up_after_the_patience(bench: Bench) -> None:
    owner, other = bench.owner(), bench.owner()
    await owner.claims()
    impatient = Owner(
        Ledger(bench.databases.health, SLOTS, "toy", SetClock(NOON), patience=timedelta(milliseconds=200))
    )
    impatient.claim = owner.claim
    holding = await asyncpg.connect(bench.databases.owner_url)
    try:
        async with holding.transaction():
            await holding.execute("SELECT 1 FROM health.consumer_slot WHERE slot = 0 FOR UPDATE")
            with pytest.raises(Busy):
                await impatient.commits(a_flush(0, 2), to(2))
        await impatient.applies(2)
        await other.claims()
        assert other.claim.next_offset == 2
    finally:
        await holding.close()
        await impatient.ledger.close()


class WithoutComparison(Ledger):
    """The mutant: it writes whatever the slot says by now."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        compared = " AND epoch = $2 AND incarnation = $3 AND flush_seq = $4 AND next_offset = $5"
        assert compared in self._sql.step
        typed = " AND $2::bigint IS NOT NULL AND $3::int IS NOT NULL AND $4::bigint + $5::bigint IS NOT NULL"
        self._sql.step = self._sql.step.replace(compared, typed)
        self._sql.log += " ON CONFLICT DO NOTHING"

    async def _is_done(self, connection: Any, claim: Claim) -> bool:
        return False


async def test_the_invariants_catch_an_owner_that_does_not_compare_in_one_snapshot(bench: Bench) -> None:
    mutant, rightful = bench.owner(WithoutComparison), bench.owner()
    await mutant.claims()
    await mutant.applies(4)
    await bench.sound()
    await rightful.claims()
    await rightful.applies(6)
    await bench.sound()
    mutant.store.write = _nothing_of_a_flush  # type: ignore[method-assign]
    await mutant.applies(3)
    found = await broken(bench.looking, CHECKED)
    assert {fault.split(":")[0] for fault in found} >= {"I1", "I3"}


async def _nothing_of_a_flush(connection: Any, claim: Claim, flush: Tape) -> None:
    """The rows of the mutant's flush would collide with the owner's; the slot's own row is what is looked at."""
