"""Our own wire format: events in plain words, and facts about accounts.

Its senders are programs written for it, so they are told more: a verdict for each item, and a refusal where an SDK
would get a success.

Source: INGEST.md 2, 3.2, 7 and 10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from kizashi_common.contracts.events import Action
from kizashi_common.errors import Fault, Invalid
from kizashi_ingest.domain.answers import Refusal, Reply, answered, refused
from kizashi_ingest.domain.body import Body
from kizashi_ingest.domain.clean import EMPTY, encoded
from kizashi_ingest.domain.dialect import (
    Asked,
    Batch,
    Draft,
    Drafted,
    FactDraft,
    Item,
    Result,
    Route,
    Verdict,
    members_of,
    outer,
    raw_object,
    readable,
)
from kizashi_ingest.domain.mapping import ACTIONS
from kizashi_ingest.domain.notes import Notes, Refused, step

_PLACES: Final[Mapping[str, str]] = {
    "id": "/id",
    "user": "/user",
    "anonymous": "/anonymous",
    "account": "/account",
    "name": "/name",
}


class _Keys(msgspec.Struct):
    writeKey: Any = None  # noqa: N815 - the wire's own name
    api_key: Any = None
    token: Any = None


class _Events(_Keys):
    events: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET


class _Accounts(_Keys, kw_only=True):
    accounts: list[msgspec.Raw]


class _Event(_Keys, forbid_unknown_fields=True):
    id: Any = None
    account: Any = None
    user: Any = None
    anonymous: Any = None
    action: Any = None
    feature: Any = None
    at: Any = None
    quantity: Any = None
    name: Any = None
    properties: msgspec.Raw = msgspec.Raw(EMPTY)
    test: Any = False
    historical: Any = False


class _Account(msgspec.Struct):
    id: Any = None
    at: Any = None
    event_id: Any = None
    facts: msgspec.Raw = msgspec.Raw(EMPTY)
    entries: Any = None


_EVENTS: Final = msgspec.json.Decoder(_Events)
_ACCOUNTS: Final = msgspec.json.Decoder(_Accounts)
_EVENT: Final = msgspec.json.Decoder(_Event)
_ACCOUNT: Final = msgspec.json.Decoder(_Account)
_KNOWN: Final = frozenset(_Event.__struct_fields__)
_OUTER: Final = ("writeKey", "api_key", "token")


def _read_events(body: Body) -> Batch:
    try:
        found, is_lenient = outer(body, _EVENTS)
    except msgspec.ValidationError as error:
        raise _bad_envelope("events") from error
    if is_lenient:
        return _lenient(found, "events", may_be_single=True)
    if found.events is msgspec.UNSET:
        return Batch([Item(body.raw)], _members(found), is_single=True)
    return Batch([Item(bytes(raw)) for raw in found.events], _members(found), is_single=False)


def _read_accounts(body: Body) -> Batch:
    try:
        found, is_lenient = outer(body, _ACCOUNTS)
    except msgspec.ValidationError as error:
        raise _bad_envelope("accounts") from error
    if is_lenient:
        return _lenient(found, "accounts", may_be_single=False)
    return Batch([Item(bytes(raw)) for raw in found.accounts], _members(found), is_single=False)


def _lenient(value: Any, member: str, *, may_be_single: bool) -> Batch:
    if not isinstance(value, dict):
        raise _bad_envelope(member)
    if may_be_single and member not in value:
        return Batch([Item(b"", value)], value, is_single=True, is_lenient=True)
    items = value.get(member)
    if not isinstance(items, list):
        raise _bad_envelope(member)
    return Batch([Item(b"", item) for item in items], value, is_single=False, is_lenient=True)


def _bad_envelope(member: str) -> Invalid:
    return Invalid(f'The body is no object, or its member "{member}" is no array.', code="bad_envelope")


def _members(found: _Keys) -> Mapping[str, Any]:
    return {name: getattr(found, name) for name in _OUTER}


def _event(item: Item, _: Asked, notes: Notes) -> Drafted:
    if item.parsed is msgspec.UNSET:
        try:
            return Drafted(_draft(_EVENT.decode(item.raw)), item.raw)
        except msgspec.DecodeError:
            pass
    raw = encoded(_gathered(members_of(item, notes), notes))
    return Drafted(_draft(_EVENT.decode(raw)), raw)


def _gathered(members: dict[str, Any], notes: Notes) -> dict[str, Any]:
    """What we do not know becomes a property: a sender's mistake should be seen, and cost nothing."""
    unknown = [name for name in members if name not in _KNOWN]
    if not unknown:
        return members
    given = members.get("properties")
    properties = dict(given) if isinstance(given, dict) else {}
    for name in unknown:
        notes.add("unknown_member", step("", name))
        properties.setdefault(name, members[name])
    return {**{name: value for name, value in members.items() if name in _KNOWN}, "properties": properties}


def _draft(event: _Event) -> Draft:
    return Draft(
        "track",
        event.id,
        event.name,
        event.at,
        None,
        event.user,
        event.anonymous,
        event.account,
        "native",
        raw_object(event.properties),
        action=_action(event.action),
        feature=event.feature,
        quantity=event.quantity,
        is_test=event.test is True,
        claims_history=event.historical is True,
        places=_PLACES,
    )


def _action(value: Any) -> Action | None:
    if value is None or value == "":
        return None
    if value not in ACTIONS:
        raise Refused("unknown_type", "/action", f"The action is none of {', '.join(ACTIONS)}.")
    return cast("Action", value)


def _account(item: Item, _: Asked, notes: Notes) -> Drafted:
    account, raw = readable(item, _ACCOUNT, notes)
    entries = [] if account.entries is None else account.entries
    if not isinstance(entries, list):
        raise Refused("invalid_fact", "/entries", "Entries are an array.")
    return Drafted(FactDraft(account.id, account.event_id, account.at, raw_object(account.facts), entries), raw)


def _reply(member: str, result: Result) -> Reply:
    bad = [verdict for verdict in result.verdicts if verdict.status == "quarantined"]
    if bad and (result.is_single or result.is_strict):
        code = "strict_rejected" if result.is_strict else "invalid_event"
        faults = tuple(_fault(verdict, "" if result.is_single else f"/{member}/{verdict.index}") for verdict in bad)
        return refused(Refusal(code, faults[0].detail, faults), result.request_id)
    return answered({"results": result.verdicts, "accepted": result.accepted, "quarantined": result.quarantined})


def _fault(verdict: Verdict, prefix: str) -> Fault:
    return Fault(prefix + (verdict.pointer or ""), verdict.code or "", verdict.detail or "")


def _reply_events(result: Result) -> Reply:
    return _reply("events", result)


def _reply_accounts(result: Result) -> Reply:
    return _reply("accounts", result)


ROUTES: Final = (
    Route("native", "/v1/events", _read_events, _event, _reply_events),
    Route("native", "/v1/facts", _read_accounts, _account, _reply_accounts, needs_server_key=True),
)
