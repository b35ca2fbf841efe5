"""Requests recorded from real SDKs, through the real application, to the envelopes that their index expects."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from kizashi_common.contracts import events
from kizashi_common.contracts.partitioning import account_key, identity_key, partition_of
from kizashi_common.contracts.topics import EVENTS, UNATTRIBUTED
from kizashi_common.db.database import Database
from tests.ingest.house import Answer, House, basic, running
from tests.twins.clock import SetClock

FOLDER = Path(__file__).parents[3] / "shared" / "fixtures" / "ingest"
PATHS = ("/v1/batch", "/v1/track", "/v1/group", "/v1/identify", "/v1/page", "/v1/t", "/v1/i", "/v1/g")
FRAMING = ("host", "content-length", "transfer-encoding")
KEYS = {("segment", "server"): "WK_test", ("segment", "browser"): "WK_browser"}
KEYS |= {("rudderstack", "server"): "WK_rudder", ("rudderstack", "browser"): "WK_rudder_web"}

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the folder shared/fixtures/ingest is not beside the project"
)


def samples() -> list[dict[str, Any]]:
    if not FOLDER.is_dir():
        return []
    index = json.loads((FOLDER / "INDEX.json").read_text())["samples"]
    return [s for s in index if s["family"] in ("segment", "rudderstack") and s["path"] in PATHS]


def posts() -> list[Any]:
    return [pytest.param(s, id=s["file"].removesuffix(".json")) for s in samples() if s["method"] == "POST"]


@pytest.fixture(params=posts())
def sample(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = request.param
    return {**json.loads((FOLDER / found["file"]).read_text()), **found}


@pytest_asyncio.fixture
async def there(furnished: Database, sample: dict[str, Any]) -> AsyncIterator[House]:
    async with running(furnished, SetClock(datetime.fromisoformat(sample["clock"]))) as house:
        yield house


def headers_of(sample: dict[str, Any], *, key: str) -> list[tuple[str, str]]:
    """The recorded headers, with the key that has the recorded kind here."""
    kept = [(name, value) for name, value in sample["headers"] if name.lower() not in FRAMING]
    return [(name, basic(key) if name.lower() == "authorization" else value) for name, value in kept]


def body_of(sample: dict[str, Any], *, key: str) -> bytes:
    raw = b64decode(sample["body_base64"])
    if raw.startswith(b"\x1f\x8b"):
        return gzip.compress(gzip.decompress(raw).replace(b"WK_test", key.encode()))
    return raw.replace(b"WK_test", key.encode())


async def replay(house: House, sample: dict[str, Any], **change: Any) -> Answer:
    key = KEYS[sample["family"], sample["key_kind"]]
    body = change.get("body", body_of(sample, key=key))
    headers = headers_of(sample, key=key)
    if "without" in change:
        headers = [(name, value) for name, value in headers if name.lower() != change["without"]]
    path = sample["path"] + change.get("suffix", "") + (f"?{sample['query']}" if sample.get("query") else "")
    return await house.request("POST", path, body, [*headers, *change.get("headers", ())])


def check(house: House, answer: Answer, sample: dict[str, Any]) -> None:
    expected = sample["expect"]
    assert answer.status == expected["status"]
    assert answer.json["success"] is True
    found = {event.id: event for event in house.events()}
    assert house.refused() == []
    assert set(found) == {one["id"] for one in expected["events"]}
    for one in expected["events"]:
        _check_event(found[one["id"]], one)
    for event in found.values():
        assert set(expected.get("flags", [])) <= set(event.data.flags)
        assert event.data.channel == expected.get("channel", event.data.channel)
    _check_places(house)


def _check_event(event: events.Event, one: dict[str, Any]) -> None:
    data = event.data
    assert data.action == one["action"]
    assert event.subject == one.get("account")
    assert data.via == one.get("via")
    assert data.user_id == one.get("user")
    assert data.anonymous_id == one.get("anonymous")
    assert data.feature == one.get("feature")
    if "name" in one:
        assert data.event_name == one["name"]
    facts = {fact.name: fact.value for fact in data.facts}
    assert facts == one.get("facts", {})
    assert data.time.source == "client"


def _check_places(house: House) -> None:
    """Key, topic and partition follow from the event alone."""
    for topic in (EVENTS, UNATTRIBUTED):
        for record in house.bus.records(topic.name):
            event = events.decode(record.value)
            if not isinstance(event, events.Event):
                continue
            named = event.subject is not None
            assert named == (topic is EVENTS)
            key = (
                account_key(event.workspaceid, event.subject)
                if event.subject is not None
                else identity_key(event.workspaceid, event.data.user_id, event.data.anonymous_id)
            )
            assert record.key == key.encode() == event.partitionkey.encode()
            assert record.partition == partition_of(record.key, house.bus.counts[topic.name])


async def test_a_recorded_request_becomes_the_expected_events(there: House, sample: dict[str, Any]) -> None:
    check(there, await replay(there, sample), sample)


async def test_it_does_so_when_compressed(there: House, sample: dict[str, Any]) -> None:
    body = gzip.compress(body_of(sample, key=KEYS[sample["family"], sample["key_kind"]]))
    check(there, await replay(there, sample, body=body, without="content-encoding"), sample)


async def test_it_does_so_without_a_content_type(there: House, sample: dict[str, Any]) -> None:
    check(there, await replay(there, sample, without="content-type"), sample)


async def test_it_does_so_with_a_wrong_content_type(there: House, sample: dict[str, Any]) -> None:
    wrong = [("Content-Type", "image/png; boundary=x")]
    check(there, await replay(there, sample, without="content-type", headers=wrong), sample)


async def test_it_does_so_with_a_trailing_slash(there: House, sample: dict[str, Any]) -> None:
    check(there, await replay(there, sample, suffix="/"), sample)


async def test_it_does_so_with_the_key_in_another_place(there: House, sample: dict[str, Any]) -> None:
    key = KEYS[sample["family"], sample["key_kind"]]
    moved = [("X-Write-Key", key)]
    check(there, await replay(there, sample, without="authorization", headers=moved), sample)


async def test_sent_again_it_gives_the_same_bytes_but_for_receipt_request_and_attempt(
    there: House, sample: dict[str, Any]
) -> None:
    await replay(there, sample)
    first = [_bare(event) for event in there.events()]
    await replay(there, sample, headers=[("X-Retry-Count", "1")])
    both = [_bare(event) for event in there.events()]
    assert sorted(both) == sorted(first * 2)


def _bare(event: events.Event) -> bytes:
    value = json.loads(events.encode(event))
    for name in ("received_at", "skew_ms"):
        value["data"]["time"].pop(name)
    value["data"].pop("ingest")
    return json.dumps(value, sort_keys=True).encode()


@pytest.mark.parametrize("sample", [pytest.param(s, id=s["file"]) for s in samples() if s["method"] == "OPTIONS"])
async def test_a_recorded_preflight_is_granted(house: House, sample: dict[str, Any]) -> None:
    recorded = json.loads((FOLDER / sample["file"]).read_text())
    headers = [(name, value) for name, value in recorded["headers"] if name.lower() not in FRAMING]
    answer = await house.request("OPTIONS", sample["path"], headers=headers)
    assert answer.status == sample["expect"]["status"]
    assert answer.headers["access-control-allow-headers"] == sample["expect"]["allow_headers"]
