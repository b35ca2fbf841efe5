"""What holds for anything a sender can send: never our fault, nothing lost, and the same again for the same."""

from __future__ import annotations

import gzip
import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kizashi_common.contracts import events, quarantine
from kizashi_common.contracts.topics import EVENTS, QUARANTINE, UNATTRIBUTED
from kizashi_common.errors import Invalid
from kizashi_ingest.domain.dialects import ROUTES
from kizashi_ingest.domain.intake import Outcome
from tests.ingest.house import SERVER, House
from tests.ingest.pure import intake_of

pytestmark = pytest.mark.slow

PATHS = sorted(ROUTES)
SOME = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

texts = st.text(max_size=12) | st.sampled_from(
    ["", "u_1", "acct_42", "Login", "NaN", "\ud800", "\x00", "2026-11-22T09:00:00Z"]
)
numbers = st.integers() | st.floats() | st.sampled_from([10**18, 2**63, -(2**63) - 1, 10**45])
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
NAMES = (
    *("type", "event", "name", "userId", "anonymousId", "groupId", "messageId", "timestamp", "sentAt", "context"),
    *("properties", "traits", "id", "account", "user", "action", "feature", "at", "quantity", "facts", "entries"),
    *("event_id", "channel", "historical", "originalTimestamp", "previousId"),
)
likely = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(NAMES, values),
        "type": st.sampled_from(["track", "identify", "group", "page", "screen", "alias", "x"]) | values,
        "context": st.fixed_dictionaries(
            {}, optional={"groupId": values, "traits": values, "library": values, "page": values}
        )
        | values,
        "properties": st.dictionaries(
            st.sampled_from(["feature", "account_id", "$groups", "quantity", "url"]) | texts, values
        ),
        "facts": st.dictionaries(
            st.sampled_from(["seats", "mrr", "plan", "currency", "x.y", "Bad"]) | texts, values, max_size=4
        ),
    },
)
bodies = st.one_of(
    st.lists(likely | values, max_size=6).map(lambda items: {"batch": items, "events": items, "accounts": items}),
    likely,
    values,
)


def written(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=True).encode()


@SOME
@given(
    body=st.binary(max_size=300) | bodies.map(written),
    path=st.sampled_from(PATHS),
    coding=st.sampled_from(["", "gzip", "br"]),
)
async def test_nothing_that_is_sent_is_our_fault(standing: House, body: bytes, path: str, coding: str) -> None:
    headers = [("X-Write-Key", SERVER)] + ([("Content-Encoding", coding)] if coding else [])
    raw = gzip.compress(body) if coding == "gzip" else body
    answer = await standing.request("POST", path, raw, headers)
    assert answer.status in (200, 400, 401, 413, 422)
    assert isinstance(answer.json, dict)
    if answer.status >= 400:
        assert answer.json["code"]
        assert answer.json["message"]


def judged(path: str, body: bytes) -> list[Outcome]:
    try:
        return intake_of(path, body)
    except Invalid:
        return []


@SOME
@given(body=bodies.map(written), path=st.sampled_from(PATHS))
def test_every_item_becomes_a_valid_envelope_or_a_refusal_with_its_reason(body: bytes, path: str) -> None:
    for outcome in judged(path, body):
        status, destined = outcome.verdict.status, outcome.destined
        if status == "accepted":
            assert destined is not None
            _check_envelope(destined.topic, destined.record.key, destined.record.value)
        elif status == "quarantined":
            assert destined is not None
            assert destined.topic == QUARANTINE.name
            refusal = quarantine.decode(destined.record.value)
            assert refusal.code in quarantine.CODES
            assert refusal.pointer == "" or refusal.pointer.startswith("/")
        else:
            assert destined is None


def _check_envelope(topic: str, key: bytes | None, value: bytes) -> None:
    message = events.decode(value)
    assert not isinstance(message, events.Heartbeat)
    assert key == message.partitionkey.encode()
    assert 0 < len(message.id.encode()) <= 256
    assert topic == (EVENTS.name if message.subject is not None else UNATTRIBUTED.name)
    whole = json.loads(value)
    assert value.decode().encode() == value
    if isinstance(message, events.Event):
        for member in ("properties", "traits", "group_traits", "context"):
            assert isinstance(whole["data"][member], dict)
        assert message.data.user_id is not None or message.data.anonymous_id is not None or message.subject is not None
    for fact in message.data.facts:
        assert fact.name


@SOME
@given(body=bodies.map(written), path=st.sampled_from(PATHS))
def test_the_same_input_gives_the_same_bytes(body: bytes, path: str) -> None:
    assert msgspec.json.encode(judged(path, body)) == msgspec.json.encode(judged(path, body))


def _is_plain(value: Any) -> bool:
    """No number that JSON readers disagree about."""
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return not isinstance(value, int | float) or -(2**63) <= value < 2**63


@SOME
@given(items=st.lists(likely.filter(_is_plain), min_size=1, max_size=5))
def test_what_the_lenient_pass_makes_of_good_json_is_what_the_strict_one_makes(items: list[Any]) -> None:
    """A neighbour with NaN sends the whole body through the second parse: nobody may notice but for the odd value."""
    strict = judged("/v1/batch", written({"batch": items}))
    lenient = judged("/v1/batch", written({"batch": items, "odd": float("nan")}))
    assert [_essence(outcome) for outcome in strict] == [_essence(outcome) for outcome in lenient]


def _essence(outcome: Outcome) -> Any:
    verdict = outcome.verdict
    if verdict.status != "accepted" or outcome.destined is None:
        return (verdict.status, verdict.code, outcome.action)
    return json.loads(outcome.destined.record.value)


@SOME
@given(body=bodies.map(written), path=st.sampled_from(PATHS))
def test_no_item_is_lost_between_its_neighbours(body: bytes, path: str) -> None:
    outcomes = judged(path, body)
    assert [outcome.verdict.index for outcome in outcomes] == list(range(len(outcomes)))
