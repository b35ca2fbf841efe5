"""The metrics that several services share, each with the label `service`.

Names, labels and buckets are those of OPERATIONS.md 5, and a test compares them with docs/reference/metrics.md. Every
series of a closed label exists from the start (`declare`), so that a rate over nothing is zero and not absent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from kizashi_common.telemetry.catalogue import Metric, closed, exist

disable_created_metrics()  # type: ignore[no-untyped-call]
# When a counter began to exist is a second series for each, and no question that anybody here asks.

# The buckets of OPERATIONS.md 5, by their letters there. Thresholds of our objectives are edges of them.
H: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.3, 0.5, 1.0, 2.5, 5.0)
F: Final = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3_600.0)
D: Final = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3_600.0)
W: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
Q: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
B: Final = (256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 5_242_880, 20_971_520)
N: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 20_000)
A: Final = (1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800, 2_592_000, 34_560_000)

OUTCOMES: Final = ("applied", "duplicate", "dead_lettered", "parked", "control")
STOP_REASONS: Final = ("log_reset", "gap", "dead_letter_limit")
PARTITION_STATES: Final = ("loading", "live", "draining", "stopped")
PAUSE_REASONS: Final = ("loading", "backpressure", "stopped")
PRODUCE_REASONS: Final = ("timeout", "leader", "too_large", "auth", "fatal", "other")
DB_REASONS: Final = ("connect", "timeout", "deadlock", "constraint", "other")
SLOS: Final = ("ingest-availability", "freshness", "alert-delivery", "gateway-reads")
LEVELS: Final = ("debug", "info", "warning", "error", "critical")

# -- every service

build_info = Gauge("kizashi_build_info", "Always 1; which version runs", ["service", "version", "commit"])
ready = Gauge("kizashi_ready", "1 while the service answers that it can do its work", ["service"])
schema_ok = Gauge("kizashi_schema_ok", "1 while the schema's revision suffices for this version", ["service"])
event_loop_lag_seconds = Gauge(
    "kizashi_event_loop_lag_seconds", "Worst delay of the event loop in the last 10 s", ["service"]
)
http_requests_in_flight = Gauge("kizashi_http_requests_in_flight", "Requests begun and not finished", ["service"])
http_requests_total = Counter(
    "kizashi_http_requests_total",
    "Finished requests; the route is the template",
    ["service", "route", "method", "code"],
)
http_request_duration_seconds = Histogram(
    "kizashi_http_request_duration_seconds",
    "From the request to the answer's last byte",
    ["service", "route"],
    buckets=H,
)
sli_total = closed(
    Counter("kizashi_sli_total", "Units judged for an objective", ["slo", "outcome"]),
    slo=SLOS,
    outcome=("good", "bad"),
)
db_pool_connections = closed(
    Gauge("kizashi_db_pool_connections", "Connections to PostgreSQL", ["service", "pool", "state"]),
    state=("idle", "used"),
)
db_pool_acquire_seconds = Histogram(
    "kizashi_db_pool_acquire_seconds", "Wait for a connection", ["service", "pool"], buckets=Q
)
db_query_seconds = Histogram(
    "kizashi_db_query_seconds",
    "One statement, as seen from here; named by whether it writes, and the table",
    ["service", "query"],
    buckets=Q,
)
db_errors_total = closed(
    Counter("kizashi_db_errors_total", "Statements and connections that failed", ["service", "reason"]),
    reason=DB_REASONS,
)
clock_offset_seconds = closed(
    Gauge("kizashi_clock_offset_seconds", "Own clock minus the other's", ["service", "against"]),
    against=("postgres",),
)
worker_up = Gauge("kizashi_worker_up", "1 while the background worker runs", ["service", "worker"])
worker_restarts_total = Counter(
    "kizashi_worker_restarts_total", "Times a background worker failed and began again", ["service", "worker"]
)
log_records_total = closed(
    Counter("kizashi_log_records_total", "Lines logged", ["service", "level"]),
    level=LEVELS,
)

# -- consumers

consumer_records_total = closed(
    Counter(
        "kizashi_consumer_records_total",
        "Records decided and committed",
        ["service", "topic", "partition", "outcome"],
    ),
    outcome=OUTCOMES,
)
consumer_lag_records = Gauge(
    "kizashi_consumer_lag_records", "High-water mark minus next offset", ["service", "topic", "partition"]
)
consumer_oldest_unprocessed_age_seconds = Gauge(
    "kizashi_consumer_oldest_unprocessed_age_seconds",
    "Age of the oldest record that is not committed; 0 without lag, grows while stuck",
    ["service", "topic", "partition"],
)
consumer_partitions = closed(
    Gauge("kizashi_consumer_partitions", "Assigned partitions by state", ["service", "topic", "state"]),
    state=PARTITION_STATES,
)
consumer_paused_partitions = closed(
    Gauge("kizashi_consumer_paused_partitions", "Assigned partitions of which nothing is taken", ["service", "reason"]),
    reason=PAUSE_REASONS,
)
consumer_partition_stops_total = closed(
    Counter("kizashi_consumer_partition_stops_total", "Partitions stopped until a person looks", ["service", "reason"]),
    reason=STOP_REASONS,
)
consumer_fenced_total = Counter(
    "kizashi_consumer_fenced_total", "Flushes refused because another owns the slot", ["service"]
)
consumer_load_seconds = Histogram(
    "kizashi_consumer_load_seconds", "Loading a partition's state after its claim", ["service"], buckets=F
)
consumer_last_poll_timestamp_seconds = Gauge(
    "kizashi_consumer_last_poll_timestamp_seconds", "When the consumer last polled", ["service"]
)
consumer_rebalances_total = Counter(
    "kizashi_consumer_rebalances_total", "Times partitions were assigned anew", ["service"]
)
consumer_commit_failures_total = Counter(
    "kizashi_consumer_commit_failures_total", "Offsets that could not be told to Kafka; advisory only", ["service"]
)

# -- producers, outbox

produce_seconds = Histogram(
    "kizashi_produce_seconds", "From handing over records to their acknowledgement", ["service", "topic"], buckets=W
)
produce_records_total = closed(
    Counter("kizashi_produce_records_total", "Records sent, by what became of them", ["service", "topic", "outcome"]),
    outcome=("acked", "failed"),
)
produce_errors_total = closed(
    Counter("kizashi_produce_errors_total", "Sends that were not acknowledged", ["service", "topic", "reason"]),
    reason=PRODUCE_REASONS,
)
produce_buffer_bytes = Gauge(
    "kizashi_produce_buffer_bytes", "Handed to the producer and not yet acknowledged", ["service"]
)
outbox_pending_rows = Gauge(
    "kizashi_outbox_pending_rows", "Committed messages not yet acknowledged by Kafka", ["service"]
)
outbox_oldest_age_seconds = Gauge(
    "kizashi_outbox_oldest_age_seconds", "Age of the oldest committed message not yet acknowledged", ["service"]
)

_SERVICE: Final[tuple[Metric, ...]] = (
    ready, schema_ok, event_loop_lag_seconds, http_requests_in_flight, db_errors_total, clock_offset_seconds,
    log_records_total,
)  # fmt: skip
_CONSUMER: Final[tuple[Metric, ...]] = (
    consumer_paused_partitions, consumer_partition_stops_total, consumer_fenced_total, consumer_load_seconds,
    consumer_last_poll_timestamp_seconds, consumer_rebalances_total, consumer_commit_failures_total,
)  # fmt: skip
_PRODUCER: Final[tuple[Metric, ...]] = (produce_seconds, produce_records_total, produce_errors_total)


def declare(
    service: str, *, version: str, workers: Iterable[str], topic: str | None = None, produces: Iterable[str] = ()
) -> None:
    """Makes every closed series of a service exist. `topic` is what it consumes, `produces` what it sends to."""
    build_info.labels(service, version, "unknown").set(1)
    for metric in _SERVICE:
        exist(metric, service=service)
    for worker in workers:
        worker_up.labels(service, worker)
        worker_restarts_total.labels(service, worker)
    if topic is not None:
        exist(consumer_partitions, service=service, topic=topic)
        for metric in _CONSUMER:
            exist(metric, service=service)
    topics = tuple(produces)
    for metric in _PRODUCER:
        exist(metric, service=service, topic=topics)
    if topics:
        exist(produce_buffer_bytes, service=service)
