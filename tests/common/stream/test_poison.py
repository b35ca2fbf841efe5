"""A partition stops when dead letters come in a row, or are too large a share: then the fault is ours."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kizashi_common.stream.poison import IN_A_ROW, SHARE, WINDOW, DeadLetterLimit

BATCHES = st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 400)), min_size=1, max_size=30)


def stops_at(batches: list[tuple[int, int]]) -> int | None:
    limit = DeadLetterLimit()
    return next((i for i, (applied, dead) in enumerate(batches) if limit.exceeded(applied, dead)), None)


@given(st.lists(st.integers(0, 5_000).map(lambda applied: (applied, 0)), max_size=30))
def test_what_is_applied_never_stops_a_partition(batches: list[tuple[int, int]]) -> None:
    assert stops_at(batches) is None


@given(st.integers(1, 400))
def test_a_thousand_dead_letters_in_a_row_stop_it_at_once_however_they_are_batched(size: int) -> None:
    assert stops_at([(0, size)] * (IN_A_ROW // size + 2)) == -(-IN_A_ROW // size) - 1


@given(st.integers(0, IN_A_ROW - 1), st.integers(1, 100), st.integers(0, IN_A_ROW - 1))
def test_anything_applied_in_between_begins_a_new_row(before: int, applied: int, after: int) -> None:
    assert stops_at([(0, before), (applied, 0), (0, after)]) is None


@given(BATCHES)
def test_a_share_within_the_limit_never_stops_it(batches: list[tuple[int, int]]) -> None:
    within = [(max(applied, 1, 40 * dead), dead) for applied, dead in batches]
    assert stops_at(within) is None


@given(st.integers(1, 100), st.integers(6, 50))
def test_a_share_above_the_limit_stops_it_within_one_window(size: int, percent: int) -> None:
    dead = size * percent // 100 + 1
    batches = [(size, dead)] * (2 * WINDOW // size + 2)
    stopped = stops_at(batches)
    assert stopped is not None
    assert (stopped + 1) * (size + dead) < WINDOW + 2 * (size + dead)
    assert dead / (size + dead) > SHARE


def test_a_window_that_passed_is_forgotten() -> None:
    many = WINDOW // 20
    assert stops_at([(WINDOW - many, many), (WINDOW - many, many), (WINDOW - many - 1, many + 1)]) == 2
