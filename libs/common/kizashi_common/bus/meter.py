"""What sending costs, and what became of what was sent.

Faults are known by the names of their classes, since `kafka.py` alone knows the client that has them.

Source: OPERATIONS.md 5, `produce_…`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Final

from kizashi_common.contracts.envelope import Outgoing
from kizashi_common.errors import Busy
from kizashi_common.telemetry import metrics

_REASONS: Final = {
    "timeout": ("KafkaTimeoutError", "RequestTimedOutError", "TimeoutError"),
    "leader": (
        "LeaderNotAvailableError", "NotLeaderForPartitionError", "UnknownTopicOrPartitionError",
        "NotEnoughReplicasError", "NotEnoughReplicasAfterAppendError", "ReplicaNotAvailableError",
    ),
    "too_large": ("MessageSizeTooLargeError", "RecordListTooLargeError", "RecordTooLargeError"),
    "auth": (
        "AuthenticationFailedError", "AuthenticationMethodNotSupported", "ClusterAuthorizationFailedError",
        "SaslAuthenticationFailed", "TopicAuthorizationFailedError", "UnsupportedSaslMechanismError",
    ),
    "fatal": (
        "DuplicateSequenceNumber", "InvalidProducerEpoch", "InvalidProducerIdMapping", "OutOfOrderSequenceNumber",
        "ProducerClosed", "ProducerFenced", "UnknownProducerId", "UnsupportedVersionError",
    ),
}  # fmt: skip
_BY_NAME: Final = {name: reason for reason, names in _REASONS.items() for name in names}


def reason_of(error: BaseException) -> str:
    """The closed reason behind a send that failed: its own, or that of what caused it."""
    named = (_BY_NAME.get(type(one).__name__) for one in (error.__cause__, error) if one is not None)
    return next((reason for reason in named if reason is not None), "other")


class ProducerMeter:
    """Measures the sends of one service."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._buffer = metrics.produce_buffer_bytes.labels(service)
        self._topics: dict[str, _Topic] = {}

    @contextmanager
    def sending(self, topic: str, records: Sequence[Outgoing]) -> Iterator[None]:
        """Around one send, which ends well when all is acknowledged."""
        known = self._topics.get(topic)
        if known is None:
            known = self._topics[topic] = _Topic(self._service, topic)
        size = sum(len(record.value) for record in records)
        self._buffer.inc(size)
        began = perf_counter()
        try:
            yield
        except Busy as error:
            known.failed.inc(len(records))
            metrics.produce_errors_total.labels(self._service, topic, reason_of(error)).inc()
            raise
        else:
            known.seconds.observe(perf_counter() - began)
            known.acked.inc(len(records))
        finally:
            self._buffer.dec(size)


class _Topic:
    """The series of one topic, looked up once."""

    def __init__(self, service: str, topic: str) -> None:
        self.seconds = metrics.produce_seconds.labels(service, topic)
        self.acked = metrics.produce_records_total.labels(service, topic, "acked")
        self.failed = metrics.produce_records_total.labels(service, topic, "failed")
