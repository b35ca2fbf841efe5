"""What the gateway decides by itself, as laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi_common.errors import Absent, Invalid
from kizashi_gateway.domain.access import is_same_origin
from kizashi_gateway.domain.address import account_at, object_at
from kizashi_gateway.domain.audit import masked
from kizashi_gateway.domain.cursor import Cursors, binding
from kizashi_gateway.domain.money import decimal_text
from kizashi_gateway.domain.points import tenths

CURSORS = Cursors(b"k" * 32)
figures = st.floats(min_value=-100, max_value=100, allow_nan=False)


@given(st.lists(figures, min_size=1, max_size=8))
def test_rounded_parts_add_up_to_the_rounded_whole_and_stay_near(parts: list[float]) -> None:
    total = sum(parts)
    rounded = tenths(parts, total)
    assert abs(round(sum(rounded), 1) - total) <= 0.0501
    for part, shown in zip(parts, rounded, strict=True):
        assert abs(part - shown) <= 0.1 + 1e-9


@given(st.text(), st.one_of(st.floats(allow_nan=False), st.integers(), st.text()))
def test_a_cursor_comes_back_as_it_went_and_only_to_its_own_question(name: str, key: float | str) -> None:
    bound = binding("demo", name, {"band": "risk"})
    cursor = CURSORS.write(bound, (key, "id"))
    assert CURSORS.read(bound, cursor) == (key, "id")
    assert CURSORS.read(bound, None) is None
    for other in (binding("else", name, {"band": "risk"}), binding("demo", name, {"band": "good"})):
        with pytest.raises(Invalid):
            CURSORS.read(other, cursor)
    with pytest.raises(Invalid):
        Cursors(b"x" * 32).read(bound, cursor)


@given(st.text(max_size=80))
def test_no_text_is_a_cursor_of_ours(text: str) -> None:
    with pytest.raises(Invalid):
        CURSORS.read("question", text)


def test_the_order_of_filters_does_not_matter_to_a_cursor() -> None:
    assert binding("w", "r", {"a": 1, "b": 2}) == binding("w", "r", {"b": 2, "a": 1})


@given(st.floats(min_value=-1e12, max_value=1e12, allow_nan=False))
def test_money_is_a_plain_decimal_to_the_cent(amount: float) -> None:
    text = decimal_text(amount)
    assert "e" not in text.lower()
    assert abs(float(text) - amount) <= 0.0051
    assert not (text.endswith("0") and "." in text)


def test_money_has_no_empty_digits() -> None:
    assert [decimal_text(x) for x in (4_800_000.0, 10.5, 0.125, 0.0)] == ["4800000", "10.5", "0.13", "0"]


@given(st.recursive(st.text() | st.integers() | st.none(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_no_secret_survives_masking_at_any_depth(body: object) -> None:
    hidden = masked({"outer": [body, {"Secret": "whsec_x", "nested": {"key": "kza_x"}}]})
    assert "whsec_x" not in str(hidden)
    assert "kza_x" not in str(hidden)
    assert "\x00" not in str(hidden["outer"][0]) if isinstance(body, str) else True


@given(st.text())
def test_any_text_names_an_account_or_nothing(text: str) -> None:
    assert account_at("demo", f"ext:{text}") == account_at("demo", f"ext:{text}")
    with pytest.raises(Absent):
        object_at("alr", text)


def test_only_a_page_of_ours_has_our_origin() -> None:
    public = "https://kizashi.example"
    assert is_same_origin(public, "inner:8000", public)
    assert is_same_origin("http://127.0.0.1:7300", "127.0.0.1:7300", public)
    for origin in (None, "null", "https://evil.example", "https://kizashi.example.evil", "http://[", "127.0.0.1:7300"):
        assert not is_same_origin(origin, "127.0.0.1:7300", public)
    assert not is_same_origin("http://", "", public)
