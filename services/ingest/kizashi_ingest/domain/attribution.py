"""Whose event it is: ids that are ids, and the account where the event states one.

An event that names no account is not guessed at while answering: the guess would differ between two tries, and one
event would land on two accounts (INGEST.md 9).

Source: INGEST.md 9, "Ids" and "Account, explicit"; 12 for event ids.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Final, NamedTuple

from kizashi_common.contracts.events import Via
from kizashi_ingest.domain.limits import ID_BYTES, MOST_DIGITS
from kizashi_ingest.domain.notes import Notes, Refused

GROUP_TYPES: Final = ("company", "organization", "account", "workspace")
_NOBODY: Final = frozenset(
    (
        *("", "null", "undefined", "none", "nil", "nan", "0", "-1", "true", "false", "anonymous", "guest", "unknown"),
        *("email", "[object object]", "00000000-0000-0000-0000-000000000000"),
    )
)
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Place(NamedTuple):
    """A value that may name the account, and where it stood. `is_stated`: it stood where only an account id can."""

    value: Any
    via: Via
    pointer: str
    is_stated: bool = False


class Stated(NamedTuple):
    """The account an event names, and how."""

    account: str | None
    via: Via | None


def identifier(value: Any, pointer: str, notes: Notes) -> str | None:
    """The id in a value; None when it means nobody.

    Raises: Refused invalid_identifier for what can be no id: a truth value, a fraction, an object, broken UTF-8, or
    more than 256 bytes, which are never cut, because two could become one.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        value = _whole(value, pointer, notes)
    if not (value.isascii() and value.isprintable()):
        value = _readable(value, pointer, notes)
    text: str = value.strip()
    if len(text) <= 36 and text.lower() in _NOBODY:
        return None
    if len(text) > ID_BYTES // 4 and len(text.encode()) > ID_BYTES:
        raise Refused("invalid_identifier", pointer, f"An id has at most {ID_BYTES} bytes.")
    return text


def _whole(value: Any, pointer: str, notes: Notes) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused("invalid_identifier", pointer, "An id is a text or a whole number.")
    if -(2**63) <= value < 2**63:
        return str(value)
    if abs(value) >= 10**MOST_DIGITS:
        raise Refused("number_too_large", pointer, f"An integer of more than {MOST_DIGITS} digits.")
    notes.add("big_integer", pointer)
    return str(value)


def _readable(value: str, pointer: str, notes: Notes) -> str:
    if notes.has("invalid_utf8", pointer):
        raise Refused("invalid_identifier", pointer, "The id is not UTF-8.")
    if _SURROGATE.search(value):
        notes.add("lone_surrogate", pointer)
        value = _SURROGATE.sub("\ufffd", value)
    if _CONTROL.search(value):
        notes.add("control_removed", pointer)
        value = _CONTROL.sub("", value)
    return value


def event_id(value: Any, pointer: str, notes: Notes) -> str | None:
    """The event's own id; None when it has none.

    Raises: Refused invalid_identifier.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        return _whole(value, pointer, notes)
    if not (value.isascii() and value.isprintable()):
        value = _readable(value, pointer, notes)
    text: str = value.strip()
    if len(text) > ID_BYTES // 4 and len(text.encode()) > ID_BYTES:
        notes.add("id_hashed", pointer)
        return hashed(text.encode())
    return text or None


def hashed(content: bytes) -> str:
    """An id made of content: equal content, equal id."""
    return f"h:{sha256(content).hexdigest()}"


def account_of(places: Iterable[Place], notes: Notes) -> Stated:
    """The first account that is named; a second, different one is worth a warning.

    Raises: Refused invalid_identifier where only an account id can stand; elsewhere such a value is no account.
    """
    found, via = None, None
    for place in places:
        if place.value is None:
            continue
        account = _candidate(place, notes, strict=place.is_stated and found is None)
        if account is None or account == found:
            continue
        if found is not None:
            notes.add("account_conflict", place.pointer)
            break
        found, via = account, place.via
    return Stated(found, via)


def _candidate(place: Place, notes: Notes, *, strict: bool) -> str | None:
    if strict:
        return identifier(place.value, place.pointer, notes)
    try:
        return identifier(place.value, place.pointer, notes)
    except Refused:
        return None


def grouped(groups: Any) -> Any:
    """The account among an event's groups, by the first type that stands for accounts."""
    if not isinstance(groups, dict):
        return None
    return next((groups[kind] for kind in GROUP_TYPES if groups.get(kind) is not None), None)


def company(traits: Any) -> Any:
    """The account in `traits.company`."""
    return traits.get("id") if isinstance(traits, dict) else None
