"""What stands around a value on a topic: the record headers, and the instants inside.

Source: INGEST.md 13; CloudEvents 1.0 Kafka protocol binding, structured mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from kizashi_common.contracts.events import Event, Fact, Heartbeat, Message, encode

Headers = tuple[tuple[str, bytes], ...]

CLOUDEVENT: Final = b"application/cloudevents+json; charset=UTF-8"
JSON: Final = b"application/json; charset=UTF-8"


class Record(NamedTuple):
    """One record as it lies in the log. `at` is the broker's time of appending, never the producer's."""

    topic: str
    partition: int
    offset: int
    at: datetime
    key: bytes | None
    value: bytes
    headers: Headers = ()


class Outgoing(NamedTuple):
    """A record that is ready to be sent: `key` is absent only for what goes to every partition."""

    key: bytes | None
    value: bytes
    headers: Headers = ()


def rfc3339(at: datetime) -> str:
    """An instant as text: UTC, milliseconds, `Z`."""
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return f"{utc.isoformat(timespec='milliseconds')[:-6]}Z"


def packed(message: Message, trace: str | None = None) -> Outgoing:
    """The record of a message of `kizashi.events.v1` or `kizashi.unattributed.v1`."""
    headers: list[tuple[str, bytes]] = [
        ("content-type", CLOUDEVENT),
        ("ce_id", message.id.encode()),
        ("ce_type", _TYPES[type(message)]),
        ("ce_time", rfc3339(message.time).encode()),
    ]
    key = None
    if not isinstance(message, Heartbeat):
        headers.append(("workspace", message.workspaceid.encode()))
        key = message.partitionkey.encode()
    if trace is not None:
        headers.append((TRACEPARENT, trace.encode()))
    return Outgoing(key, encode(message), tuple(headers))


_TYPES: Final[dict[type, bytes]] = {
    Event: b"kizashi.event.v1",
    Fact: b"kizashi.fact.v1",
    Heartbeat: b"kizashi.heartbeat.v1",
}


TRACEPARENT: Final = "traceparent"
"""The header that names a record's cause. It is always the last: looked for in every record, it must cost nothing."""


def caused_by(headers: Headers) -> str | None:
    """The trace that a record belongs to, as W3C writes it; None for nearly every record."""
    if headers and headers[-1][0] == TRACEPARENT:
        return headers[-1][1].decode("latin-1")
    return None


def header(headers: Sequence[tuple[str, bytes]], name: str) -> bytes | None:
    """The first header of that name."""
    return next((value for key, value in headers if key == name), None)
