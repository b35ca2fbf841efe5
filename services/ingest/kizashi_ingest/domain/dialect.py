"""What a dialect is: how it reads a body into items, an item into a draft, and what it answers in its SDK's words.

A dialect knows nothing of keys, limits, mapping or topics. All dialects reduce an item to one `Draft`; what follows is
the same for all of them (`event.py`).

Source: INGEST.md 1.7, 2, 3 and 7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import msgspec

from kizashi_common.contracts.events import Action, Via
from kizashi_ingest.domain.answers import Reply
from kizashi_ingest.domain.body import Body, second_try
from kizashi_ingest.domain.clean import EMPTY, clean, encoded, lenient
from kizashi_ingest.domain.mapping import Call
from kizashi_ingest.domain.notes import Notes, Refused

DialectName = Literal["native", "cloudevents", "segment", "rudderstack", "posthog"]
Status = Literal["accepted", "quarantined", "duplicate_in_batch", "ignored"]


class Verdict(msgspec.Struct, omit_defaults=True):
    """What became of one item."""

    index: int
    status: Status
    id: str | None = None
    code: str | None = None
    detail: str | None = None
    warnings: tuple[str, ...] = ()
    pointer: str | None = None


class Result(NamedTuple):
    """What became of a request's items. `is_single`: the body was one item and no list; `is_strict`: all or nothing."""

    request_id: str
    verdicts: list[Verdict]
    accepted: int
    quarantined: int
    is_single: bool
    is_strict: bool = False


class Draft(msgspec.Struct):
    """An item as every dialect hands it on: fields found, nothing judged. Raw members are JSON, read later.

    `account` is what can only be the account; `places` tells for each field where in the item it stood.
    """

    call: Call
    event_id: Any = None
    name: Any = None
    at: Any = None
    sent: Any = None
    user: Any = None
    anonymous: Any = None
    account: Any = None
    via: Via = "native"
    properties: bytes = EMPTY
    traits: bytes = EMPTY
    group_traits: bytes = EMPTY
    context: bytes = EMPTY
    traits_in_context: bool = False
    channel: Any = None
    action: Action | None = None
    feature: Any = None
    quantity: Any = None
    is_test: bool = False
    claims_history: bool = False
    places: Mapping[str, str] = {}


class FactDraft(msgspec.Struct):
    """An item of `/v1/facts`: an account, and what was true of it at a time."""

    account: Any
    event_id: Any
    at: Any
    states: bytes
    entries: list[Any]


class Item(NamedTuple):
    """One item of a body: its bytes, or for a body that only the lenient pass could read, its value.

    `parsed` is absent for bytes; it may be any JSON value.
    """

    raw: bytes
    parsed: Any = msgspec.UNSET


class Batch(NamedTuple):
    """A body taken apart. `members` are those of the outer object that are no items: send time and key among them."""

    items: list[Item]
    members: Mapping[str, Any]
    is_single: bool
    is_lenient: bool = False
    claims_history: bool = False


class Asked(NamedTuple):
    """What a dialect may know of the request when it reads one item."""

    path: str
    members: Mapping[str, Any]
    headers: Mapping[str, str]


class Drafted(NamedTuple):
    """A draft, and the bytes it was read from: the item's own, or cleaned ones."""

    draft: Draft | FactDraft
    raw: bytes


@dataclass(frozen=True)
class Route:
    """One path of a dialect: how its body is taken apart, what an item becomes, and how the result is told."""

    dialect: DialectName
    path: str
    read: Callable[[Body], Batch]
    draft: Callable[[Item, Asked, Notes], Drafted]
    reply: Callable[[Result], Reply]
    needs_server_key: bool = False


_NOT_RAW: Final = b"null"


def outer(body: Body, decoder: msgspec.json.Decoder[Any]) -> tuple[Any, bool]:
    """The outer object with its items raw, or, at the second try, as plain values; and whether it took the second.

    Raises: Invalid with code bad_json or too_deep; msgspec.ValidationError when it is JSON of another shape.
    """
    if body.is_utf8:
        try:
            return decoder.decode(body.raw), False
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
    return second_try(body), True


def readable(item: Item, decoder: msgspec.json.Decoder[Any], notes: Notes) -> tuple[Any, bytes]:
    """An item as its dialect's struct, and the bytes it was read from, cleaned where it had to be.

    Raises: Refused not_an_event, too_deep, number_too_large.
    """
    if item.parsed is msgspec.UNSET:
        with suppress(msgspec.DecodeError):
            return decoder.decode(item.raw), item.raw
    raw = encoded(members_of(item, notes))
    return decoder.decode(raw), raw


def members_of(item: Item, notes: Notes) -> dict[str, Any]:
    """An item's members, cleaned. Raises: Refused not_an_event, too_deep, number_too_large."""
    value = lenient(item.raw.decode()) if item.parsed is msgspec.UNSET else item.parsed
    if not isinstance(value, dict):
        raise Refused("not_an_event", "", "An event is a JSON object.")
    cleaned: dict[str, Any] = clean(value, "", notes)
    return cleaned


def raw_object(member: msgspec.Raw) -> bytes:
    """The bytes of a raw member; an absent or null one is the empty object."""
    found = bytes(member)
    return EMPTY if found == _NOT_RAW else found
