"""What is sent is counted once, by what became of it; what is in flight is seen while it is."""

from __future__ import annotations

import pytest
from prometheus_client.registry import REGISTRY

from kizashi_common.bus.meter import ProducerMeter, reason_of
from kizashi_common.contracts.envelope import Outgoing
from kizashi_common.errors import Busy

TOPIC = "kizashi.scores.v1"
BATCH = [Outgoing(b"k", b"12345"), Outgoing(b"k", b"678")]


class NotEnoughReplicasError(Exception):
    """Called as the client calls it."""


class OutOfOrderSequenceNumber(Exception):
    """Called as the client calls it."""


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"kizashi_{name}", labels) or 0.0


def test_what_is_acknowledged_counts_and_leaves_the_buffer() -> None:
    meter = ProducerMeter("sender")
    with meter.sending(TOPIC, BATCH):
        assert value("produce_buffer_bytes", service="sender") == 8
    assert value("produce_buffer_bytes", service="sender") == 0
    assert value("produce_records_total", service="sender", topic=TOPIC, outcome="acked") == 2
    assert value("produce_seconds_count", service="sender", topic=TOPIC) == 1


def test_what_is_not_acknowledged_counts_as_failed_with_its_reason() -> None:
    meter = ProducerMeter("loser")
    with pytest.raises(Busy), meter.sending(TOPIC, BATCH):
        raise Busy("no") from NotEnoughReplicasError()
    assert value("produce_records_total", service="loser", topic=TOPIC, outcome="failed") == 2
    assert value("produce_errors_total", service="loser", topic=TOPIC, reason="leader") == 1
    assert value("produce_buffer_bytes", service="loser") == 0
    assert value("produce_seconds_count", service="loser", topic=TOPIC) == 0


@pytest.mark.parametrize(
    ("cause", "reason"),
    [(TimeoutError(), "timeout"), (OutOfOrderSequenceNumber(), "fatal"), (OSError(), "other"), (None, "other")],
)
def test_a_fault_is_known_by_its_name(cause: BaseException | None, reason: str) -> None:
    error = Busy("no")
    error.__cause__ = cause
    assert reason_of(error) == reason
