"""A draft → the one envelope that all consumers read, or the reason why it can never be one.

Event id, partition key and dedupe day are pure functions of the payload, so a retry lands where the first copy landed.

Source: INGEST.md 1.4, 9 to 13.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from kizashi_common.contracts.events import (
    Action,
    Actor,
    Channel,
    Event,
    EventData,
)
from kizashi_common.contracts.partitioning import account_key, identity_key
from kizashi_ingest.domain import facts, mapping, timing
from kizashi_ingest.domain.attribution import (
    Place,
    account_of,
    company,
    event_id,
    grouped,
    identifier,
)
from kizashi_ingest.domain.clean import EMPTY, tidy, without_controls
from kizashi_ingest.domain.context import Context, channel_stated, context_of, is_robot
from kizashi_ingest.domain.dialect import Draft
from kizashi_ingest.domain.frame import Frame, MadeId
from kizashi_ingest.domain.limits import NAME_CHARACTERS
from kizashi_ingest.domain.notes import Notes, Refused

_ACTORS: Final[dict[str, Actor]] = {
    "human": "human",
    "service": "service",
    "import": "import",
    "system": "service",
    "bot": "service",
    "api": "service",
}
_NAMELESS: Final = frozenset(("identify", "group", "page", "screen", "alias"))
_TRACKED: Final = frozenset(("track", "page", "screen"))


class _Properties(msgspec.Struct, rename="camel"):
    """The few properties that ingest looks into; the rest stay raw."""

    actor_type: Any = msgspec.field(default=None, name="actor_type")
    feature: Any = None
    feature_name: Any = msgspec.field(default=None, name="feature_name")
    feature_key: Any = msgspec.field(default=None, name="feature_key")
    quantity: Any = None
    groups: Any = msgspec.field(default=None, name="$groups")
    group_id: Any = None
    group_id_snake: Any = msgspec.field(default=None, name="group_id")
    account_id_snake: Any = msgspec.field(default=None, name="account_id")
    account_id: Any = None
    organization_id: Any = msgspec.field(default=None, name="organization_id")


class _Traits(msgspec.Struct):
    actor_type: Any = None
    company: Any = None


_PROPERTIES: Final = msgspec.json.Decoder(_Properties)
_TRAITS: Final = msgspec.json.Decoder(_Traits)
_NO_PROPERTIES: Final = _Properties()
_NO_TRAITS: Final = _Traits()

_MAY_NAME_ACCOUNT: Final = re.compile(rb"group|account|organization")
"""Properties without any of this name no account; after `tidy` no escape hides a letter."""
_IN_PROPERTIES: Final = tuple(
    (name, f"/properties/{shown}")
    for name, shown in (
        ("group_id", "groupId"),
        ("group_id_snake", "group_id"),
        ("account_id_snake", "account_id"),
        ("account_id", "accountId"),
        ("organization_id", "organization_id"),
    )
)


class Read(NamedTuple):
    """A draft's raw members, tidied and read."""

    properties: bytes
    traits: bytes
    group_traits: bytes
    found: _Properties
    user: _Traits
    context: Context


def read(draft: Draft, notes: Notes) -> Read:
    """Looks into a draft's raw members. Raises: Refused too_deep or number_too_large."""
    context = context_of(draft.context, notes)
    properties = tidy(draft.properties, "/properties", notes)
    traits = tidy(draft.traits, "/traits", notes)
    if traits == EMPTY and draft.traits_in_context:
        traits = context.traits
    return Read(
        properties,
        traits,
        tidy(draft.group_traits, "/traits", notes),
        _NO_PROPERTIES if properties == EMPTY else _PROPERTIES.decode(properties),
        _NO_TRAITS if traits == EMPTY else _TRAITS.decode(traits),
        context,
    )


def event_of(draft: Draft, raw: bytes, frame: Frame, notes: Notes, made: MadeId) -> tuple[Event, Action | None]:
    """The envelope of a draft, and its action; without one it is answered as accepted, counted, and not published.

    Raises: Refused, with the reason and where it lies.
    """
    parts = read(draft, notes)
    places = draft.places
    user = identifier(draft.user, places["user"], notes)
    anonymous = identifier(draft.anonymous, places["anonymous"], notes)
    stated = account_of(_places(draft, parts), notes)
    if stated.account is None and user is None and anonymous is None:
        raise Refused("no_identity", "", "The event names no account, user or anonymous id.")
    name = _name(draft, notes)
    action, feature = _mapped(draft, name, parts.found, notes)
    channel = _channel(draft, parts.context, frame, notes)
    when = _when(draft, frame, channel, notes)
    workspace, source = frame.key.workspace, frame.key.source
    has_account = stated.account is not None
    event = Event(
        event_id(draft.event_id, places["id"], notes) or _made(made, raw, when, notes),
        frame.source_uri,
        when.occurred_at,
        workspace,
        source,
        account_key(workspace, stated.account)
        if stated.account is not None
        else identity_key(workspace, user, anonymous),
        EventData(
            action or "other",
            name,
            feature,
            mapping.quantity(draft.quantity, parts.found.quantity),
            _actor(parts, frame),
            stated.via,
            user,
            anonymous,
            when.note,
            facts.from_traits(parts.group_traits, facts.Say(frame.key.kind, frame.key.currency), notes)
            if has_account and parts.group_traits != EMPTY
            else [],
            msgspec.Raw(parts.properties),
            msgspec.Raw(parts.traits),
            msgspec.Raw(parts.group_traits),
            msgspec.Raw(parts.context.kept),
            channel,
            _flags(draft, parts.context, frame, when, channel),
            notes.listed(),
            mapping.DEFAULT,
            frame.note,
        ),
        stated.account,
    )
    return event, action


def _places(draft: Draft, parts: Read) -> list[Place]:
    places: list[Place] = []
    if draft.account is not None:
        places.append(Place(draft.account, draft.via, draft.places["account"], is_stated=True))
    places += parts.context.group_ids
    if _MAY_NAME_ACCOUNT.search(parts.properties) is not None:
        places += _in_properties(parts.found)
    places += parts.context.companies
    if parts.user.company is not None:
        places.append(Place(company(parts.user.company), "trait", "/traits/company/id"))
    return places


def _in_properties(found: _Properties) -> Iterator[Place]:
    yield Place(grouped(found.groups), "groups", "/properties/$groups")
    for name, pointer in _IN_PROPERTIES:
        yield Place(getattr(found, name), "property", pointer)


def _name(draft: Draft, notes: Notes) -> str | None:
    value, place = draft.name, draft.places["name"]
    name = without_controls(value, place, notes).strip() if isinstance(value, str) else ""
    if len(name) > NAME_CHARACTERS:
        raise Refused("name_too_long", place, f"A name has at most {NAME_CHARACTERS} characters.")
    if not name and draft.action is None and draft.call not in _NAMELESS:
        raise Refused("missing_event_name", place, "The event has no name.")
    return name or None


def _mapped(draft: Draft, name: str | None, found: _Properties, notes: Notes) -> mapping.Mapped:
    features = (draft.feature, found.feature, found.feature_name, found.feature_key)
    return mapping.mapped(mapping.Stated(draft.call, name, draft.action, features), notes)


def _channel(draft: Draft, context: Context, frame: Frame, notes: Notes) -> Channel:
    by_key: Channel = "server" if frame.key.kind == "server" else "browser"
    channel = channel_stated(draft.channel) or context.channel or by_key
    if channel == "browser" and frame.key.kind == "server":
        notes.add("server_key_in_browser")
    return channel


def _when(draft: Draft, frame: Frame, channel: Channel, notes: Notes) -> timing.Timed:
    if (draft.claims_history or frame.claims_history) and not frame.age.may_import:
        raise Refused("not_allowed", "", "Historical events need a key with the right import.")
    sending = frame.sending if channel == "server" else frame.sending._replace(is_device=True)
    return timing.timed(draft.at, draft.sent, sending, frame.age, notes)


def _made(made: MadeId, raw: bytes, when: timing.Timed, notes: Notes) -> str:
    has_time = "no_time" not in notes and "bad_time" not in notes
    notes.add("id_made" if has_time else "no_id_no_time")
    return made(raw, has_time)


def _actor(parts: Read, frame: Frame) -> Actor:
    for value in (parts.found.actor_type, parts.user.actor_type):
        if isinstance(value, str) and value.lower() in _ACTORS:
            return _ACTORS[value.lower()]
    return frame.key.actor or "human"


def _flags(draft: Draft, context: Context, frame: Frame, when: timing.Timed, channel: Channel) -> list[str]:
    flags = []
    if context.is_robot or (channel == "browser" and frame.agent is not None and is_robot(frame.agent)):
        flags.append("bot")
    if draft.is_test:
        flags.append("test")
    if when.is_historical or draft.claims_history or frame.claims_history:
        flags.append("historical")
    return flags
