"""The age of the head of a queue, from looks alone, equals what one would know who saw every arrival."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kizashi_common.stream.waiting import Waiting


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=40))
def test_the_age_is_that_of_the_first_since_it_was_first_there_to_be_seen(moves: list[tuple[int, int]]) -> None:
    waiting, arrived, sent = Waiting(), [], 0
    for second, (more, fewer) in enumerate(moves):
        arrived += [second] * more
        sent = min(len(arrived), sent + fewer)
        first = None if sent == len(arrived) else sent + 1
        expected = 0 if first is None else second - arrived[sent]
        assert waiting.age(first, len(arrived), float(second)) == expected
