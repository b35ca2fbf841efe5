"""Segment's wire format, and RudderStack's where both share a path: batches of `{type, messageId, userId, …}`.

Source: INGEST.md 2, 3.3 and 7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

import msgspec

from kizashi_common.errors import Invalid
from kizashi_ingest.domain.answers import Reply, answered
from kizashi_ingest.domain.body import Body
from kizashi_ingest.domain.clean import EMPTY
from kizashi_ingest.domain.dialect import (
    Asked,
    Batch,
    Draft,
    Drafted,
    Item,
    Result,
    Route,
    outer,
    raw_object,
    readable,
)
from kizashi_ingest.domain.mapping import Call
from kizashi_ingest.domain.notes import Notes, Refused

_CALLS: Final[tuple[Call, ...]] = get_args(Call)
_MEMBERS: Final = ("sentAt", "writeKey", "api_key", "token")
_PLACES: Final[Mapping[str, str]] = {
    "id": "/messageId",
    "user": "/userId",
    "anonymous": "/anonymousId",
    "account": "/groupId",
    "name": "/event",
}


class _Outer(msgspec.Struct):
    sentAt: Any = None  # noqa: N815 - the wire's own name
    writeKey: Any = None  # noqa: N815
    api_key: Any = None
    token: Any = None


class _Batch(_Outer):
    batch: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    type: Any = None


class _Message(msgspec.Struct, rename="camel"):
    type: Any = None
    message_id: Any = None
    original_timestamp: Any = None
    timestamp: Any = None
    sent_at: Any = None
    user_id: Any = None
    anonymous_id: Any = None
    group_id: Any = None
    event: Any = None
    name: Any = None
    channel: Any = None
    properties: msgspec.Raw = msgspec.Raw(EMPTY)
    traits: msgspec.Raw = msgspec.Raw(EMPTY)
    context: msgspec.Raw = msgspec.Raw(EMPTY)


_BATCH: Final = msgspec.json.Decoder(_Batch)
_SINGLE: Final = msgspec.json.Decoder(_Outer)
_MESSAGE: Final = msgspec.json.Decoder(_Message)


def _bad_envelope() -> Invalid:
    return Invalid("The body is neither a batch nor a message.", code="bad_envelope")


def _read_batch(body: Body) -> Batch:
    try:
        found, is_lenient = outer(body, _BATCH)
    except msgspec.ValidationError as error:
        raise _bad_envelope() from error
    if is_lenient:
        return _lenient_batch(found)
    members = _members(found)
    if found.batch is not msgspec.UNSET:
        return Batch([Item(bytes(raw)) for raw in found.batch], members, is_single=False)
    if found.type is None:
        raise _bad_envelope()
    return Batch([Item(body.raw)], members, is_single=True)


def _lenient_batch(value: Any) -> Batch:
    if not isinstance(value, dict):
        raise _bad_envelope()
    if "batch" not in value and value.get("type") is not None:
        return Batch([Item(b"", value)], value, is_single=True, is_lenient=True)
    items = value.get("batch")
    if not isinstance(items, list):
        raise _bad_envelope()
    return Batch([Item(b"", item) for item in items], value, is_single=False, is_lenient=True)


def _read_import(body: Body) -> Batch:
    return _read_batch(body)._replace(claims_history=True)


def _read_single(body: Body) -> Batch:
    try:
        found, is_lenient = outer(body, _SINGLE)
    except msgspec.ValidationError as error:
        raise _bad_envelope() from error
    if not is_lenient:
        return Batch([Item(body.raw)], _members(found), is_single=True)
    if not isinstance(found, dict):
        raise _bad_envelope()
    return Batch([Item(b"", found)], found, is_single=True, is_lenient=True)


def _members(found: _Outer) -> Mapping[str, Any]:
    return {name: getattr(found, name) for name in _MEMBERS}


def _by_type(item: Item, asked: Asked, notes: Notes) -> Drafted:
    message, raw = readable(item, _MESSAGE, notes)
    if message.type not in _CALLS:
        raise Refused("unknown_type", "/type", "The type is none of track, identify, group, page, screen, alias.")
    return Drafted(_draft(message, message.type, asked), raw)


def _by_path(call: Call) -> Callable[[Item, Asked, Notes], Drafted]:
    def draft(item: Item, asked: Asked, notes: Notes) -> Drafted:
        message, raw = readable(item, _MESSAGE, notes)
        return Drafted(_draft(message, call, asked), raw)

    return draft


def _draft(message: _Message, call: Call, asked: Asked) -> Draft:
    draft = Draft(
        call,
        message.message_id,
        message.event if call == "track" else message.name,
        message.timestamp if message.original_timestamp is None else message.original_timestamp,
        _sent(message, asked),
        message.user_id,
        message.anonymous_id,
        channel=message.channel,
        context=raw_object(message.context),
        places=_PLACES,
    )
    if call == "group":
        draft.account, draft.via = message.group_id, "group_call"
        draft.group_traits = raw_object(message.traits)
    else:
        draft.properties = raw_object(message.properties)
        if call == "identify":
            draft.traits, draft.traits_in_context = raw_object(message.traits), True
    return draft


def _sent(message: _Message, asked: Asked) -> Any:
    sent = asked.members.get("sentAt")
    if sent is None:
        sent = message.sent_at
    return asked.headers.get("sentat") if sent is None else sent


def _reply(result: Result) -> Reply:
    return answered(
        {
            "success": True,
            "accepted": result.accepted,
            "quarantined": result.quarantined,
            "request_id": result.request_id,
        }
    )


_SINGLES: Final[tuple[tuple[str, Call], ...]] = tuple(
    (path, call) for call in _CALLS for path in (f"/v1/{call}", f"/v1/{call[0]}")
)

ROUTES: Final = (
    Route("segment", "/v1/batch", _read_batch, _by_type, _reply),
    Route("segment", "/v1/b", _read_batch, _by_type, _reply),
    Route("segment", "/v1/import", _read_import, _by_type, _reply),
    *(Route("segment", path, _read_single, _by_path(call), _reply) for path, call in _SINGLES),
)
