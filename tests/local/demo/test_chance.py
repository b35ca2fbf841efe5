from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kizashi_local.demo.chance import Draws


def test_a_name_decides_its_numbers_on_every_machine() -> None:
    draws = Draws("day", "even-keel", 739_579)
    assert [draws.below(1_000) for _ in range(5)] == [404, 668, 104, 873, 569]


@given(st.text(), st.integers(1, 50))
def test_numbers_stay_in_their_bounds(name: str, bound: int) -> None:
    draws = Draws(name)
    assert all(0.0 <= draws.unit() < 1.0 for _ in range(20))
    assert all(0 <= draws.below(bound) < bound for _ in range(20))
    assert all(3 <= draws.between(3, 2 + bound) <= 2 + bound for _ in range(20))


@given(st.text(), st.lists(st.integers(), max_size=20))
def test_shuffling_keeps_every_item(name: str, items: list[int]) -> None:
    assert sorted(Draws(name).shuffled(items)) == sorted(items)


def test_the_numbers_are_spread_evenly() -> None:
    draws = Draws("spread")
    found = [draws.unit() for _ in range(20_000)]
    assert abs(sum(found) / len(found) - 0.5) < 0.01
    tenths = [sum(1 for number in found if int(number * 10) == tenth) for tenth in range(10)]
    assert all(1_800 < count < 2_200 for count in tenths)
