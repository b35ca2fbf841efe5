"""What is packed is unpacked as the same value, in the shorter of two forms, and equal values give equal bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi_health.adapters.packing import pack_bitmap, pack_counts, unpack_bitmap, unpack_counts

MEMBERS = st.sets(st.one_of(st.integers(0, 80), st.integers(0, 65_535)), max_size=60)
COUNTS = st.dictionaries(st.text(min_size=1, max_size=20), st.lists(st.integers(0, 2**53), min_size=1, max_size=2))


@given(MEMBERS)
def test_a_bitmap_survives_its_bytes(members) -> None:
    bits = sum(1 << member for member in members)
    assert unpack_bitmap(pack_bitmap(bits)) == bits


@given(st.integers(0, 2**600))
def test_a_dense_bitmap_survives_its_bytes(bits) -> None:
    packed = pack_bitmap(bits)
    assert unpack_bitmap(packed) == bits
    assert len(packed) <= 1 + (bits.bit_length() + 7) // 8


def test_few_users_of_many_are_stored_as_steps_and_many_as_bits() -> None:
    few, many = (1 << 65_535) | 1, (1 << 4_096) - 1
    assert len(pack_bitmap(few)) == 5
    assert len(pack_bitmap(many)) == 1 + 512
    assert pack_bitmap(0) == b""


@pytest.mark.parametrize("damaged", [b"\x07\x01", b"\x01\x80"])
def test_damaged_bytes_are_refused(damaged) -> None:
    with pytest.raises(ValueError, match="bitmap"):
        unpack_bitmap(damaged)


@given(COUNTS)
def test_counts_survive_their_bytes_whatever_order_they_came_in(counts) -> None:
    packed = pack_counts(counts)
    assert unpack_counts(packed) == counts
    assert pack_counts(dict(reversed(counts.items()))) == packed


def test_a_damaged_map_is_refused() -> None:
    with pytest.raises(ValueError, match=r".+"):
        unpack_counts(b"\xff")
