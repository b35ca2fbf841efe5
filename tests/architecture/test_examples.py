"""The examples beside the contracts decode and come out equal; they are added to, never edited (INGEST.md 13)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, get_args

import pytest

import kizashi_common.contracts as contracts
from kizashi_common.contracts import alerts, envelope, events, quarantine, scores
from kizashi_common.contracts.partitioning import account_key, identity_key
from kizashi_common.contracts.topics import TOPICS

FOLDER: Final = Path(contracts.__file__).parent / "examples"
EXAMPLES: Final = sorted(FOLDER.glob("*/*.json"))
CODECS: Final[dict[str, tuple[Callable[[bytes], Any], Callable[[Any], bytes]]]] = {
    "kizashi.events.v1": (events.decode, events.encode),
    "kizashi.unattributed.v1": (events.decode, events.encode),
    "kizashi.quarantine.v1": (quarantine.decode, quarantine.encode),
    "kizashi.scores.v1": (scores.decode, scores.encode),
    "kizashi.alerts.v1": (alerts.decode, alerts.encode),
}


def _named(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def _of(topic: str) -> list[Any]:
    decode, _ = CODECS[topic]
    return [decode(path.read_bytes()) for path in EXAMPLES if path.parent.name == topic]


@pytest.mark.parametrize("path", EXAMPLES, ids=_named)
def test_an_example_decodes_and_comes_out_equal(path: Path) -> None:
    decode, encode = CODECS[path.parent.name]
    assert json.loads(encode(decode(path.read_bytes()))) == json.loads(path.read_bytes())


@pytest.mark.parametrize("path", EXAMPLES, ids=_named)
def test_a_newer_producer_does_not_poison_an_older_consumer(path: Path) -> None:
    decode, encode = CODECS[path.parent.name]
    newer = json.loads(path.read_bytes()) | {"a_member_of_tomorrow": {"any": ["thing"]}}
    assert json.loads(encode(decode(json.dumps(newer).encode()))) == json.loads(path.read_bytes())


def test_every_topic_has_examples() -> None:
    assert {path.parent.name for path in EXAMPLES} == {topic.name for topic in TOPICS} == set(CODECS)


def test_every_action_and_every_kind_of_message_has_an_example() -> None:
    messages = _of("kizashi.events.v1")
    actions = {message.data.action for message in messages if isinstance(message, events.Event)}
    assert actions == set(get_args(events.Action))
    assert {type(message) for message in messages} == set(get_args(events.Message))


def test_every_type_of_alert_event_has_an_example() -> None:
    assert {message.type for message in _of("kizashi.alerts.v1")} == set(get_args(alerts.EventType))


def test_the_partition_key_of_an_example_says_whose_it_is() -> None:
    for message in [*_of("kizashi.events.v1"), *_of("kizashi.unattributed.v1")]:
        match message:
            case events.Heartbeat():
                continue
            case events.Event(subject=None):
                data = message.data
                assert message.partitionkey == identity_key(message.workspaceid, data.user_id, data.anonymous_id)
            case _:
                assert message.partitionkey == account_key(message.workspaceid, message.subject)
        assert message.source == f"/workspaces/{message.workspaceid}/sources/{message.sourceid}"


def test_a_record_tells_its_type_in_its_headers_too() -> None:
    for message in _of("kizashi.events.v1"):
        record = envelope.packed(message)
        assert envelope.header(record.headers, "ce_type") == json.loads(record.value)["type"].encode()
        assert envelope.header(record.headers, "ce_id") == message.id.encode()
        assert (record.key is None) == isinstance(message, events.Heartbeat)
