"""The metrics that several services share, each with the label `service`.

The catalogue is OPERATIONS.md 5; this issue has the rows that bench, doctor and the page need. Every series of a
closed label exists from the start (`declare`), so that a rate over nothing is zero and not absent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

HTTP_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.3, 0.5, 1.0, 2.5, 5.0)
WORK_BUCKETS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
FRESHNESS_BUCKETS: Final = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)

OUTCOMES: Final = ("applied", "duplicate", "dead_lettered", "parked", "control")
STOP_REASONS: Final = ("log_reset", "gap", "dead_letter_limit")

build_info = Gauge("kizashi_build_info", "Always 1; which version runs", ["service", "version"])
ready = Gauge("kizashi_ready", "1 while the service can do its work", ["service"])
worker_up = Gauge("kizashi_worker_up", "1 while the background worker runs", ["service", "worker"])
event_loop_lag_seconds = Gauge(
    "kizashi_event_loop_lag_seconds", "Worst delay of the event loop in the last 10 s", ["service"]
)
consumer_records_total = Counter(
    "kizashi_consumer_records_total",
    "Records decided and committed",
    ["service", "topic", "partition", "outcome"],
)
consumer_lag_records = Gauge(
    "kizashi_consumer_lag_records", "High-water mark minus next offset", ["service", "topic", "partition"]
)
consumer_partitions = Gauge(
    "kizashi_consumer_partitions", "Assigned partitions by state", ["service", "topic", "state"]
)
consumer_partition_stops_total = Counter(
    "kizashi_consumer_partition_stops_total", "Partitions stopped until a person looks", ["service", "reason"]
)
consumer_fenced_total = Counter(
    "kizashi_consumer_fenced_total", "Flushes refused because another owns the slot", ["service"]
)
consumer_last_poll_timestamp_seconds = Gauge(
    "kizashi_consumer_last_poll_timestamp_seconds", "When the consumer last polled", ["service"]
)
produce_seconds = Histogram(
    "kizashi_produce_seconds",
    "From enqueuing a batch to its acknowledgement",
    ["service", "topic"],
    buckets=WORK_BUCKETS,
)
outbox_pending_rows = Gauge(
    "kizashi_outbox_pending_rows", "Committed messages not yet acknowledged by Kafka", ["service"]
)

PARTITION_STATES: Final = ("loading", "live", "draining", "stopped")


def declare(service: str, *, version: str, workers: Iterable[str], topic: str | None = None) -> None:
    """Makes every closed series of a service exist at zero."""
    build_info.labels(service, version).set(1)
    ready.labels(service).set(0)
    for worker in workers:
        worker_up.labels(service, worker).set(0)
    if topic is not None:
        for state in PARTITION_STATES:
            consumer_partitions.labels(service, topic, state).set(0)
        for reason in STOP_REASONS:
            consumer_partition_stops_total.labels(service, reason)
        consumer_fenced_total.labels(service)
