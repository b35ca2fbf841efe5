"""What leaves as a record comes back as the same message, whatever it holds."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi_common.contracts import envelope, events
from kizashi_common.contracts.partitioning import account_key

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANTS = st.integers(0, 4_000_000_000_000_000).map(lambda passed: EPOCH + timedelta(microseconds=passed))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(TEXTS, JSON, max_size=3).map(lambda value: msgspec.Raw(json.dumps(value).encode()))


@st.composite
def an_event(draw: st.DrawFn) -> events.Event:
    """An event whose every uncertain part varies."""
    account = draw(TEXTS.filter(bool))
    received = draw(INSTANTS)
    return events.Event(
        id=draw(TEXTS),
        source="/workspaces/ws_demo/sources/web-app",
        time=draw(INSTANTS),
        workspaceid="ws_demo",
        sourceid="web-app",
        partitionkey=account_key("ws_demo", account),
        subject=account,
        data=events.EventData(
            action=draw(st.sampled_from(["login", "feature_used", "other", "group"])),
            event_name=draw(st.none() | TEXTS),
            feature=draw(st.none() | TEXTS),
            quantity=draw(st.none() | st.integers(1, 1_000_000)),
            actor="human",
            via=draw(st.none() | st.sampled_from(["native", "context"])),
            user_id=draw(st.none() | TEXTS),
            anonymous_id=draw(st.none() | TEXTS),
            time=events.EventTime(draw(st.none() | TEXTS), None, received, None, "received", received.date()),
            properties=draw(OBJECTS),
            context=draw(OBJECTS),
            flags=draw(st.lists(st.sampled_from(["bot", "historical"]), max_size=2)),
        ),
    )


@given(an_event())
def test_an_event_survives_the_wire(event: events.Event) -> None:
    assert events.decode(envelope.packed(event).value) == event


@given(an_event())
def test_a_record_is_keyed_by_its_account_and_says_so_twice(event: events.Event) -> None:
    record = envelope.packed(event)
    assert record.key == event.partitionkey.encode() == json.loads(record.value)["partitionkey"].encode()
    assert envelope.header(record.headers, "workspace") == b"ws_demo"
    assert envelope.header(record.headers, "content-type") == envelope.CLOUDEVENT


@given(an_event(), st.text("0123456789abcdef-", min_size=1, max_size=55))
def test_a_trace_travels_in_a_header(event: events.Event, trace: str) -> None:
    assert envelope.header(envelope.packed(event, trace).headers, "traceparent") == trace.encode()
    assert envelope.header(envelope.packed(event).headers, "traceparent") is None


def test_a_heartbeat_has_no_key_and_belongs_to_no_workspace() -> None:
    at = datetime(2026, 11, 22, 8, tzinfo=UTC)
    record = envelope.packed(events.Heartbeat("round-1-0", "/ingest", at, events.HeartbeatData(1, at)))
    assert record.key is None
    assert envelope.header(record.headers, "workspace") is None


@given(INSTANTS, st.integers(-14, 14))
def test_an_instant_is_written_in_utc_whatever_zone_it_came_in(at: datetime, hours: int) -> None:
    written = envelope.rfc3339(at.astimezone(timezone(timedelta(hours=hours))))
    assert written.endswith("Z")
    assert timedelta(0) <= at - datetime.fromisoformat(written) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b'{"type":"kizashi.score.v9"}',
        b'{"type":"kizashi.event.v1"}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
    ids=["empty", "cut", "list", "text", "unknown type", "missing members", "no utf-8", "too deep"],
)
def test_what_cannot_be_read_raises_only_what_the_caller_turns_into_a_dead_letter(value: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError, RecursionError)):
        events.decode(value)


def test_the_first_of_two_equal_headers_counts() -> None:
    assert envelope.header([("a", b"1"), ("a", b"2")], "a") == b"1"


def test_a_day_travels_as_a_date() -> None:
    at = datetime(2026, 11, 22, 8, tzinfo=UTC)
    time = events.EventTime(None, None, at, None, "received", date(2026, 11, 21))
    assert json.loads(msgspec.json.encode(time))["dedupe_day"] == "2026-11-21"
