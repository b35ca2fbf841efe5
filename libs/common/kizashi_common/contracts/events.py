"""What ingest publishes and health applies: event, fact, heartbeat.

Each is a structured CloudEvent; the `type` attribute tells them apart. Objects that health never looks into
(`properties`, `traits`, `context`) stay raw JSON bytes on both sides, because parsing them costs more than all else.
Unknown members are ignored: a newer producer must not poison an older consumer.

Source: INGEST.md 13; CloudEvents 1.0.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final, Literal

import msgspec

Action = Literal["login", "feature_used", "page", "identify", "group", "alias", "other"]
Actor = Literal["human", "service", "import"]
TimeSource = Literal["client", "corrected", "received"]
Channel = Literal["server", "browser", "mobile", "unknown"]
Via = Literal["native", "group_call", "context", "groups", "extension", "subject", "property", "trait", "link"]

HUMAN_ACTIONS: Final = frozenset(("login", "feature_used", "page", "other"))
"""Actions that can make a day active; identify, group and alias never do (HEALTH.md 7)."""

EMPTY_OBJECT: Final = msgspec.Raw(b"{}")

FactValue = str | int | float | bool | None | list[str] | dict[str, str]
"""A fact's value; money is `{"amount": "1200.00", "currency": "EUR"}`, dates are RFC 3339 texts."""


class Alteration(msgspec.Struct, frozen=True, gc=False):
    """A value that was altered while accepting: a stable code, where, and how often."""

    code: str
    pointer: str
    count: int = 1


class FactItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One fact. Without `entry` a state (the last by `at` wins), with it an entry of a list. `at` defaults to the
    envelope's time."""

    name: str
    value: Any
    entry: str = ""
    at: datetime | None = None


class EventTime(msgspec.Struct, frozen=True, gc=False):
    """What client and server said about time, and what became of it.

    Units: `skew_ms` milliseconds, received minus sent. `dedupe_day` is the UTC day under which the id is remembered.
    """

    original: str | None
    sent_at: datetime | None
    received_at: datetime
    skew_ms: int | None
    source: TimeSource
    dedupe_day: date


class IngestNote(msgspec.Struct, frozen=True, gc=False):
    """How the envelope came to be: for support, never for decisions."""

    request_id: str
    node: str
    dialect: str
    attempt: int = 1
    schema: int = 1


class EventData(msgspec.Struct, frozen=True):
    """The body of an event. Raw members are JSON objects as bytes."""

    action: Action
    event_name: str | None
    feature: str | None
    quantity: int | None
    actor: Actor
    via: Via | None
    user_id: str | None
    anonymous_id: str | None
    time: EventTime
    facts: list[FactItem] = []
    properties: msgspec.Raw = EMPTY_OBJECT
    traits: msgspec.Raw = EMPTY_OBJECT
    group_traits: msgspec.Raw = EMPTY_OBJECT
    context: msgspec.Raw = EMPTY_OBJECT
    channel: Channel = "unknown"
    flags: list[str] = []
    warnings: list[Alteration] = []
    mapping: str = "default@1"
    ingest: IngestNote | None = None


class Event(msgspec.Struct, frozen=True, tag_field="type", tag="kizashi.event.v1", omit_defaults=False):
    """Something happened. `id` is unique within (workspace, source, account); `time` is when it happened, UTC."""

    id: str
    source: str
    time: datetime
    workspaceid: str
    sourceid: str
    partitionkey: str
    data: EventData
    subject: str | None = None
    specversion: str = "1.0"
    datacontenttype: str = "application/json"


class FactData(msgspec.Struct, frozen=True):
    """Facts about the account named by the envelope's `subject`."""

    facts: list[FactItem]
    ingest: IngestNote | None = None


class Fact(msgspec.Struct, frozen=True, tag_field="type", tag="kizashi.fact.v1"):
    """What is known about an account, true at `time`."""

    id: str
    source: str
    time: datetime
    subject: str
    workspaceid: str
    sourceid: str
    partitionkey: str
    data: FactData
    specversion: str = "1.0"
    datacontenttype: str = "application/json"


class Gap(msgspec.Struct, frozen=True):
    """A span of input that a person gave up."""

    start: datetime
    end: datetime


class HeartbeatData(msgspec.Struct, frozen=True):
    """Everything accepted before `complete_through` is in this partition before this record."""

    round: int
    complete_through: datetime
    gaps: list[Gap] = []


class Heartbeat(msgspec.Struct, frozen=True, tag_field="type", tag="kizashi.heartbeat.v1"):
    """Proof of completeness, sent into every partition once a round; it has no key."""

    id: str
    source: str
    time: datetime
    data: HeartbeatData
    specversion: str = "1.0"
    datacontenttype: str = "application/json"


Message = Event | Fact | Heartbeat
"""All that `kizashi.events.v1` carries so far."""

_DECODER: Final = msgspec.json.Decoder(Message)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="string")


def encode(message: Message) -> bytes:
    """The value of the record."""
    return _ENCODER.encode(message)


def decode(value: bytes) -> Message:
    """The message in a record's value.

    Raises: any of msgspec's errors, UnicodeDecodeError or RecursionError; the caller makes them a dead letter.
    """
    message: Message = _DECODER.decode(value)
    return message
