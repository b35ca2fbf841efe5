"""`SeenIds` against plain sets that forget nothing: the same verdicts, whatever the batches, restarts and evictions.

Here a copy may state another day than the first one did: the verdict is then not always "seen", but it is always the
same one, and it is what HEALTH.md 6 (1) to (4) say. The broker's clock may step back while the owner lives.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kizashi_common.stream.dedupe import HOT_DAYS, ID_BYTES, SeenIds, split

TODAY = 739_000
COLD_AFTER = 2


class Copy(NamedTuple):
    """One copy of an event: the day of the log at which it lies, the day that it states, its number."""

    log_day: int
    event_day: int
    number: int

    @property
    def identity(self) -> bytes:
        return self.number.to_bytes(ID_BYTES, "big")


class Plain:
    """What HEALTH.md 6 says, in sets: every id is looked up in the hot days, and near its own day when that is cold."""

    def __init__(self) -> None:
        self.days: defaultdict[int, set[bytes]] = defaultdict(set)
        self.newest = 0

    def is_new(self, copy: Copy) -> bool:
        self.newest = max(self.newest, copy.log_day)
        looked_up = set(range(self.newest - HOT_DAYS + 1, self.newest + 2)) | {copy.event_day}
        if copy.event_day < self.newest - COLD_AFTER:
            looked_up |= {copy.event_day - 1, copy.event_day + 1}
        if any(copy.identity in self.days[day] for day in looked_up):
            return False
        self.days[copy.event_day].add(copy.identity)
        return True


class Partition:
    """A partition's owner: it loads what is missing, commits at the end of each batch, and may die at any commit."""

    def __init__(self, cache_ids: int) -> None:
        self.stored: defaultdict[int, list[bytes]] = defaultdict(list)
        self.cache_ids = cache_ids
        self.seen = SeenIds(cache_ids)

    def take(self, batch: Sequence[Copy]) -> list[bool]:
        missing = self.seen.missing({copy.event_day for copy in batch}, {copy.log_day for copy in batch})
        self.seen.load({day: self.stored[day] for day in missing if day in self.stored}, missing)
        verdicts = []
        for copy in batch:
            self.seen.advance(copy.log_day)
            verdicts.append(self.seen.is_new(copy.event_day, copy.identity))
        return verdicts

    def commit(self) -> None:
        for day, ids in self.seen.drain().items():
            self.stored[day].extend(split(ids))
        self.seen.evict()

    def die(self) -> None:
        self.seen = SeenIds(self.cache_ids)


@st.composite
def logs(draw: st.DrawFn, least_step: int = 0) -> list[Copy]:
    """A log of few ids over some weeks, so that most are repeated, near and far."""
    day, copies = TODAY, []
    steps = st.tuples(st.integers(least_step, 5), st.integers(0, 6), st.integers(-1, 12))
    for step, number, age in draw(st.lists(steps, min_size=1, max_size=60)):
        day += step
        copies.append(Copy(day, day - age, number))
    return copies


def batches(log: Sequence[Copy], cuts: Sequence[int]) -> Iterator[Sequence[Copy]]:
    first = 0
    for size in cuts:
        if first >= len(log):
            return
        yield log[first : first + size]
        first += size
    if first < len(log):
        yield log[first:]


@settings(max_examples=300)
@given(
    logs(),
    st.lists(st.integers(1, 20), max_size=60),
    st.lists(st.booleans(), min_size=60, max_size=60),
    st.sampled_from([0, 2, 5, 1_000]),
)
def test_the_verdicts_are_those_of_plain_sets_whatever_batches_deaths_and_memory(
    log: list[Copy], cuts: list[int], deaths: list[bool], cache_ids: int
) -> None:
    plain, partition = Plain(), Partition(cache_ids)
    verdicts: list[bool] = []
    for batch, dies in zip(batches(log, cuts), deaths, strict=False):
        verdicts += partition.take(batch)
        partition.commit()
        if dies:
            partition.die()
    assert verdicts == [plain.is_new(copy) for copy in log[: len(verdicts)]]


@given(logs(least_step=-1), st.lists(st.integers(1, 20), max_size=60), st.sampled_from([0, 3, 1_000]))
def test_a_broker_clock_that_steps_back_changes_no_verdict(log: list[Copy], cuts: list[int], cache_ids: int) -> None:
    plain, partition = Plain(), Partition(cache_ids)
    for batch in batches(log, cuts):
        assert partition.take(batch) == [plain.is_new(copy) for copy in batch]
        partition.commit()


@given(logs(), st.integers(0, 59), st.lists(st.integers(1, 20), max_size=60))
def test_what_was_applied_and_not_committed_is_decided_again_in_the_same_way(
    log: list[Copy], dies_at: int, cuts: list[int]
) -> None:
    plain, partition = Plain(), Partition(1_000)
    verdicts: list[bool] = []
    for i, batch in enumerate(batches(log, cuts)):
        if i == dies_at:
            partition.take(batch)
            partition.die()
        verdicts += partition.take(batch)
        partition.commit()
    assert verdicts == [plain.is_new(copy) for copy in log]


@given(logs(), st.lists(st.integers(1, 20), max_size=60))
def test_every_new_id_is_stored_exactly_once_under_the_day_it_states(log: list[Copy], cuts: list[int]) -> None:
    partition, expected = Partition(3), []
    for batch in batches(log, cuts):
        verdicts = partition.take(batch)
        expected += [(copy.event_day, copy.identity) for copy, new in zip(batch, verdicts, strict=True) if new]
        partition.commit()
    assert sorted((day, one) for day, ids in partition.stored.items() for one in ids) == sorted(expected)


@given(logs(), st.lists(st.integers(1, 20), max_size=60), st.integers(0, 20))
def test_memory_holds_no_more_than_its_limit_beside_the_hot_days(
    log: list[Copy], cuts: list[int], cache_ids: int
) -> None:
    partition = Partition(cache_ids)
    for batch in batches(log, cuts):
        partition.take(batch)
        partition.commit()
        newest = partition.seen.newest
        hot = sum(len(set(partition.stored[day])) for day in range(newest - HOT_DAYS + 1, newest + 2))
        assert partition.seen.held <= max(cache_ids, hot)


def test_a_day_that_missing_did_not_name_is_an_error_and_never_a_wrong_verdict() -> None:
    seen = SeenIds()
    seen.advance(TODAY)
    with pytest.raises(KeyError):
        seen.is_new(TODAY, b"a" * ID_BYTES)


def test_the_day_used_last_is_the_last_to_be_forgotten() -> None:
    partition = Partition(2)
    old, older = Copy(TODAY, TODAY - 50, 1), Copy(TODAY, TODAY - 90, 2)
    partition.take([old, older])
    partition.commit()
    partition.take([old])
    partition.take([Copy(TODAY, TODAY - 200, 3)])
    partition.commit()
    assert TODAY - 50 not in partition.seen.missing([TODAY - 50], [TODAY])
    assert TODAY - 90 in partition.seen.missing([TODAY - 90], [TODAY])
