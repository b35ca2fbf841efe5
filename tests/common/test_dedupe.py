"""An id is new once, whatever is repeated, late, restarted or forgotten for want of memory."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from kizashi_common.stream.dedupe import HOT_DAYS, ID_BYTES, SeenIds, event_identity, split

TODAY = 739_000
SECRET = b"s" * 16


class Copy(NamedTuple):
    """One copy of an event: the day of the log at which it lies, the day that all its copies state, its id."""

    log_day: int
    event_day: int
    identity: bytes


class Batch(NamedTuple):
    """Copies applied together; afterwards the process may be replaced by another one."""

    copies: list[Copy]
    restart: bool


@st.composite
def a_log(draw: st.DrawFn) -> list[Batch]:
    """Days of log with few distinct ids, so that most are repeated, near and far."""
    passed = draw(st.lists(st.integers(0, 3), min_size=1, max_size=12))
    event_day = draw(st.fixed_dictionaries({number: st.integers(-400, 13) for number in range(12)}))
    batches, today = [], TODAY
    for days in passed:
        today += days
        numbers = draw(st.lists(st.integers(0, 11), max_size=8))
        copies = [
            Copy(today, min(TODAY + event_day[number], TODAY + 1), number.to_bytes(ID_BYTES, "big"))
            for number in numbers
        ]
        batches.append(Batch(copies, draw(st.booleans())))
    return batches


def verdicts(log: list[Batch], *, cache_ids: int, restarts: bool) -> list[bool]:
    """What a partition that lives through this log says of each copy."""
    stored: defaultdict[int, list[bytes]] = defaultdict(list)
    seen, newest, said = SeenIds(cache_ids), 0, []
    for batch in log:
        missing = seen.missing([copy.event_day for copy in batch.copies], [copy.log_day for copy in batch.copies])
        seen.load(stored, missing)
        for copy in batch.copies:
            seen.advance(copy.log_day)
            newest = max(newest, copy.log_day)
            said.append(seen.is_new(copy.event_day, copy.identity))
        for day, ids in seen.drain().items():
            stored[day].extend(split(ids))
        seen.evict()
        if batch.restart and restarts:
            seen = SeenIds(cache_ids)
            seen.advance(newest)
    return said


def truth(log: list[Batch]) -> list[bool]:
    """What somebody who forgets nothing says."""
    known: set[bytes] = set()
    said = []
    for copy in (copy for batch in log for copy in batch.copies):
        said.append(copy.identity not in known)
        known.add(copy.identity)
    return said


@given(a_log(), st.sampled_from([0, 3, 1_000]))
def test_every_copy_but_the_first_is_recognised_across_restarts_and_evictions(log: list[Batch], cache_ids: int) -> None:
    assert verdicts(log, cache_ids=cache_ids, restarts=True) == truth(log)


@given(a_log())
def test_memory_and_restarts_change_no_verdict(log: list[Batch]) -> None:
    assert verdicts(log, cache_ids=0, restarts=True) == verdicts(log, cache_ids=10**6, restarts=False)


@given(st.integers(1 - HOT_DAYS, 1), st.integers(1 - HOT_DAYS, 1), st.binary(min_size=ID_BYTES, max_size=ID_BYTES))
def test_a_copy_that_states_another_day_is_recognised_while_the_first_day_is_hot(
    first: int, second: int, identity: bytes
) -> None:
    seen = SeenIds()
    seen.load({}, seen.missing([TODAY + first, TODAY + second], [TODAY]))
    seen.advance(TODAY)
    assert seen.is_new(TODAY + first, identity)
    assert not seen.is_new(TODAY + second, identity)


def test_what_is_not_yet_drained_is_never_forgotten() -> None:
    seen = SeenIds(cache_ids=0)
    seen.load({}, seen.missing([TODAY - 100], [TODAY]))
    seen.advance(TODAY)
    assert seen.is_new(TODAY - 100, b"a" * ID_BYTES)
    seen.evict()
    assert seen.drain() == {TODAY - 100: b"a" * ID_BYTES}
    seen.evict()
    assert seen.held == 0
    assert TODAY - 100 in seen.missing([TODAY - 100], [TODAY])


SHORT = st.text("ab", min_size=1, max_size=3)
NASTY = st.text("ab0\x00\x1f", max_size=5)
EVENTS = st.tuples(SHORT, SHORT, NASTY, NASTY)


@given(EVENTS, EVENTS)
def test_two_events_share_an_identity_only_when_they_are_one(
    one: tuple[str, str, str, str], other: tuple[str, str, str, str]
) -> None:
    assert (event_identity(SECRET, *one) == event_identity(SECRET, *other)) == (one == other)


@given(EVENTS)
def test_an_identity_cannot_be_made_without_the_secret(event: tuple[str, str, str, str]) -> None:
    assert len(event_identity(SECRET, *event)) == ID_BYTES
    assert event_identity(SECRET, *event) != event_identity(b"t" * 16, *event)
