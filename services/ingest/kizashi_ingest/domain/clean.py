"""Any JSON text → values that every reader downstream can hold, or the reason why not.

Two ways to the same end. What provably breaks no limit passes as the bytes it came in (`tidy`): parsing it would cost
more than all else. Everything else is parsed leniently, cleaned, and written anew.

Source: INGEST.md 8, 15 (URLs), 16 and 17.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec

from kizashi_ingest.domain.limits import DEPTH, KEY_BYTES, KEYS_PER_OBJECT, MOST_DIGITS, STRING_BYTES
from kizashi_ingest.domain.notes import Notes, Refused, step

EMPTY: Final = b"{}"

_PASSES_BYTES: Final = 2_000
_ODD: Final = re.compile(rb'\\[ubf]|\d{19}|\d[eE][+-]?\d{3}|"(?i:https?):[^"]*[?#]')
"""What may hide a control character, a surrogate, a number too large, or a URL with its query."""
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
BROKEN: Final = "\ufdd0"
"""Stands for bytes that are no UTF-8 between decoding and cleaning: a character that Unicode reserves for such use."""

_NAMES: Final = frozenset(
    (
        *("userId", "anonymousId", "previousId", "groupId", "group_id", "messageId", "event", "event_id", "name"),
        *("id", "account", "user", "anonymous", "action", "feature", "feature_name", "feature_key"),
        *("account_id", "accountId", "organization_id"),
    )
)
"""Members that name something: from these a control character goes without a trace, elsewhere one sees that it was."""

_URL: Final = re.compile(r"https?://", re.IGNORECASE)
_INT64: Final = 18


class _Odd:
    """Stands for a number that JSON readers disagree about, until `clean` decides."""

    __slots__ = ("text",)

    def __init__(self, text: str | None) -> None:
        self.text = text


_NON_FINITE: Final = _Odd(None)


def _integer(text: str) -> Any:
    if len(text) <= _INT64:
        return int(text)
    if len(text.lstrip("-")) > MOST_DIGITS:
        return _Odd(text)
    number = int(text)
    return number if -(2**63) <= number < 2**63 else _Odd(text)


def _decimal(text: str) -> Any:
    number = float(text)
    return _NON_FINITE if number in (float("inf"), float("-inf")) else number


_LENIENT: Final = json.JSONDecoder(
    strict=False, parse_int=_integer, parse_float=_decimal, parse_constant=lambda _: _NON_FINITE
)


def lenient(text: str) -> Any:
    """The second try at JSON: control characters, lone surrogates, NaN and odd numbers are taken; `clean` mends them.

    Raises: ValueError for what is no JSON even so, RecursionError when it is nested absurdly deep.
    """
    return _LENIENT.decode(text)


def encoded(value: Any) -> bytes:
    """A cleaned value as JSON bytes."""
    return msgspec.json.encode(value)


def canonical(value: Any) -> bytes:
    """A cleaned value as the one text that all equal values share."""
    return msgspec.json.encode(value, order="sorted")


def rendered(value: Any) -> bytes:
    """A value of `lenient` as JSON again, for keeping what was refused; empty when it is nested absurdly deep."""
    try:
        return json.dumps(value, default=lambda odd: odd.text).encode()
    except RecursionError:
        return b""


def tidy(raw: bytes, pointer: str, notes: Notes) -> bytes:
    """A JSON object within the limits: the same bytes when they provably are, else cleaned ones.

    Anything that is no object becomes an empty one.
    Raises: Refused too_deep or number_too_large.
    """
    if raw == EMPTY or raw == b"null":
        return EMPTY
    if not raw.startswith(b"{"):
        if raw not in (b"[]", b'""'):
            notes.add("not_an_object", pointer)
        return EMPTY
    if len(raw) <= _PASSES_BYTES and _ODD.search(raw) is None and raw.count(b"{") + raw.count(b"[") <= DEPTH:
        return raw
    return encoded(clean(lenient(raw.decode()), pointer, notes))


def clean(value: Any, pointer: str, notes: Notes, depth: int = 1) -> Any:
    """A value of `lenient`, mended and capped.

    Raises: Refused too_deep or number_too_large.
    """
    if isinstance(value, str):
        return text(value, pointer, notes)
    if isinstance(value, _Odd):
        return _mended(value, pointer, notes)
    if isinstance(value, dict):
        _check_depth(depth, pointer)
        return _object(value, pointer, notes, depth)
    if isinstance(value, list):
        _check_depth(depth, pointer)
        return [clean(item, f"{pointer}/{i}", notes, depth + 1) for i, item in enumerate(value)]
    return value


def _check_depth(depth: int, pointer: str) -> None:
    if depth > DEPTH:
        raise Refused("too_deep", pointer[:200], f"Nested deeper than {DEPTH} levels.")


def _object(value: dict[str, Any], pointer: str, notes: Notes, depth: int) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, item in value.items():
        if len(kept) >= KEYS_PER_OBJECT or len(key) > KEY_BYTES or len(_utf8(key)) > KEY_BYTES:
            notes.add("keys_dropped", pointer)
            continue
        name = _mended_text(key, pointer, notes)
        place = step(pointer, name)
        plain = without_controls(item, place, notes) if name in _NAMES and isinstance(item, str) else item
        kept[name] = clean(plain, place, notes, depth + 1)
    return kept


def _mended(number: _Odd, pointer: str, notes: Notes) -> str | None:
    if number.text is None:
        notes.add("non_finite_number", pointer)
        return None
    if len(number.text.lstrip("-")) > MOST_DIGITS:
        raise Refused("number_too_large", pointer, f"An integer of more than {MOST_DIGITS} digits.")
    notes.add("big_integer", pointer)
    return number.text


def text(value: str, pointer: str, notes: Notes) -> str:
    """A text without what no text may hold, without the query of a URL, and not longer than the limit."""
    mended = _mended_text(value, pointer, notes)
    if _URL.match(mended):
        mended = without_query(mended)
    if len(mended) * 4 > STRING_BYTES:
        raw = mended.encode()
        if len(raw) > STRING_BYTES:
            notes.add("string_cut", pointer)
            return raw[:STRING_BYTES].decode(errors="ignore")
    return mended


def _mended_text(value: str, pointer: str, notes: Notes) -> str:
    if value.isascii() and value.isprintable():
        return value
    if BROKEN in value:
        notes.add("invalid_utf8", pointer)
        value = value.replace(BROKEN, "\ufffd")
    if _SURROGATE.search(value):
        notes.add("lone_surrogate", pointer)
        value = _SURROGATE.sub("\ufffd", value)
    if _CONTROL.search(value):
        notes.add("control_removed", pointer)
        value = _CONTROL.sub("\ufffd", value)
    return value


def without_controls(value: str, pointer: str, notes: Notes) -> str:
    """A name or id without control characters."""
    if value.isprintable() or _CONTROL.search(value) is None:
        return value
    notes.add("control_removed", pointer)
    return _CONTROL.sub("", value)


def without_query(url: str) -> str:
    """A URL without query and fragment: that is where tokens and names of people hide."""
    return url.partition("#")[0].partition("?")[0]


def _utf8(value: str) -> bytes:
    return value.encode(errors="surrogatepass")
