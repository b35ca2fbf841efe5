"""Keys show at sight what they are and whether they were typed right."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi_common import keys
from kizashi_common.errors import Invalid

source_chance = st.binary(min_size=keys.SOURCE_CHANCE_BYTES, max_size=keys.SOURCE_CHANCE_BYTES)
api_chance = st.binary(min_size=keys.API_CHANCE_BYTES, max_size=keys.API_CHANCE_BYTES)


@given(source_chance, st.sampled_from(["server", "browser"]))
def test_a_source_key_has_its_prefix_and_a_checksum_that_fits(chance: bytes, kind: keys.SourceKeyKind) -> None:
    key = keys.new_source_key(kind, chance)
    assert re.fullmatch(r"kz[sw]_[0-9A-Za-z]{38}", key)
    assert key.startswith(keys.PREFIXES[kind])
    assert not keys.is_mistyped(key)
    assert key == keys.new_source_key(kind, chance)


@given(source_chance, st.integers(4, 41), st.sampled_from(keys.ALPHABET))
def test_one_wrong_character_is_seen(chance: bytes, place: int, wrong: str) -> None:
    key = keys.new_source_key("server", chance)
    typed = key[:place] + wrong + key[place + 1 :]
    assert keys.is_mistyped(typed) == (typed != key)


@pytest.mark.parametrize("key", ["kzs_", "kzw_short", "kzs_" + "0" * 39])
def test_a_key_of_ours_with_another_form_is_mistyped(key: str) -> None:
    assert keys.is_mistyped(key)


@pytest.mark.parametrize("key", ["WK_test", "phc_test", "", "kza_x"])
def test_a_foreign_key_is_never_called_mistyped(key: str) -> None:
    assert not keys.is_mistyped(key)


@given(api_chance)
def test_an_api_key_comes_apart_as_it_was_put_together(chance: bytes) -> None:
    key = keys.new_api_key(chance)
    assert re.fullmatch(r"kza_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}[0-9A-Za-z]{6}", str(key))
    assert keys.parsed_api_key(str(key)) == key


@given(api_chance, st.integers(17, 65), st.sampled_from(keys.ALPHABET))
def test_an_api_key_with_a_wrong_character_is_none(chance: bytes, place: int, wrong: str) -> None:
    key = str(keys.new_api_key(chance))
    typed = key[:place] + wrong + key[place + 1 :]
    assert (keys.parsed_api_key(typed) is None) == (typed != key)


@pytest.mark.parametrize("key", ["", "kza_", "kzs_abc", "kza_short_secret"])
def test_what_has_not_the_form_is_no_api_key(key: str) -> None:
    assert keys.parsed_api_key(key) is None


def test_different_chance_makes_different_keys() -> None:
    first, second = bytes(keys.API_CHANCE_BYTES), bytes([1] * keys.API_CHANCE_BYTES)
    assert keys.new_api_key(first) != keys.new_api_key(second)
    assert keys.new_source_key("server", first[:32]) != keys.new_source_key("server", second[:32])


@given(st.text())
def test_any_text_has_a_hash_and_no_other_text_the_same(text: str) -> None:
    assert len(keys.key_hash(text)) == 32
    assert keys.same_hash(keys.key_hash(text), keys.key_hash(text))
    assert not keys.same_hash(keys.key_hash(text), keys.key_hash(text + "x"))


@pytest.mark.parametrize("key", ["WK_test", "phc_" + "x" * 196, "a/b+c=d"])
def test_a_foreign_key_is_taken_as_given(key: str) -> None:
    assert keys.checked_foreign_key(key) == key


@pytest.mark.parametrize("key", ["abc", "x" * 201, "with space", "with:colon", "tab\tbed", "sch\u00f6n", ""])
def test_a_key_that_no_header_can_carry_is_refused(key: str) -> None:
    with pytest.raises(Invalid):
        keys.checked_foreign_key(key)


def test_a_hint_is_too_short_to_guess_a_key_by() -> None:
    key = keys.new_source_key("server", bytes(range(32)))
    assert keys.hint(key) == key[4:10]
    assert keys.hint("WK_test") == "WK_"
