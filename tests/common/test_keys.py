"""A key shows what it is and whether it was typed right; one typing error is always seen."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kizashi_common import keys
from kizashi_common.errors import Invalid

CHANCE = st.binary(min_size=keys.API_CHANCE_BYTES, max_size=keys.API_CHANCE_BYTES)
KINDS = st.sampled_from(["server", "browser"])


@given(KINDS, CHANCE)
def test_a_fresh_source_key_has_its_form(kind: keys.SourceKeyKind, chance: bytes) -> None:
    key = keys.new_source_key(kind, chance)
    assert key.startswith(keys.PREFIXES[kind])
    assert len(key) == 4 + 32 + 6
    assert not keys.is_mistyped(key)


@given(KINDS, CHANCE, st.integers(4, 41), st.sampled_from(keys.ALPHABET))
def test_one_wrong_character_is_always_seen(kind: keys.SourceKeyKind, chance: bytes, place: int, typed: str) -> None:
    key = keys.new_source_key(kind, chance)
    assume(key[place] != typed)
    assert keys.is_mistyped(key[:place] + typed + key[place + 1 :])


@given(CHANCE, st.integers(0, 41))
def test_a_key_that_was_cut_is_seen(chance: bytes, length: int) -> None:
    key = keys.new_source_key("server", chance)[:length]
    assert keys.is_mistyped(key) == key.startswith("kzs_")


@given(CHANCE)
def test_an_api_key_reads_back(chance: bytes) -> None:
    key = keys.new_api_key(chance)
    assert keys.parsed_api_key(str(key)) == key


@given(CHANCE, st.integers(17, 65), st.sampled_from(keys.ALPHABET))
def test_an_api_key_with_a_wrong_character_in_its_secret_is_none(chance: bytes, place: int, typed: str) -> None:
    key = str(keys.new_api_key(chance))
    assume(key[place] != typed)
    assert keys.parsed_api_key(key[:place] + typed + key[place + 1 :]) is None


@given(st.text(max_size=80))
def test_no_text_breaks_the_reading_of_a_key(text: str) -> None:
    assert keys.parsed_api_key(text) is None
    assert keys.is_mistyped(text) == text.startswith(("kzs_", "kzw_"))
    assert len(keys.hint(text)) <= 6


@given(CHANCE, CHANCE)
def test_different_chance_makes_different_keys(one: bytes, other: bytes) -> None:
    assume(one != other)
    assert str(keys.new_api_key(one)) != str(keys.new_api_key(other))


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=":"), min_size=4, max_size=200))
def test_a_key_of_another_system_is_taken_as_given(key: str) -> None:
    assert keys.checked_foreign_key(key) == key


@pytest.mark.parametrize("key", ["", "abc", "a b cd", "abcd:", "a" * 201, "schlüssel", "abcd\n"])
def test_what_cannot_travel_in_a_header_is_no_key(key: str) -> None:
    with pytest.raises(Invalid):
        keys.checked_foreign_key(key)


def test_hashes_compare_by_value() -> None:
    assert keys.same_hash(keys.key_hash("a"), keys.key_hash("a"))
    assert not keys.same_hash(keys.key_hash("a"), keys.key_hash("b"))
