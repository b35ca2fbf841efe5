"""What ingest counts. The catalogue is OPERATIONS.md 5; figures per source are no labels, ever.

Closed sets come from the domain's registries, and every series of one exists at zero from the start.
"""

from __future__ import annotations

from typing import Final, get_args

from prometheus_client import Counter, Gauge, Histogram

from kizashi_common.contracts import quarantine
from kizashi_common.contracts.topics import EVENTS, QUARANTINE, UNATTRIBUTED
from kizashi_common.telemetry.metrics import produce_seconds
from kizashi_ingest.domain.answers import STATUS
from kizashi_ingest.domain.dialect import Status
from kizashi_ingest.domain.dialects import NAMES
from kizashi_ingest.domain.mapping import ACTIONS
from kizashi_ingest.domain.notes import WARNINGS

SERVICE: Final = "ingest"

_EVENTS_BUCKETS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 20_000)
_BYTES_BUCKETS: Final = (256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 5_242_880, 20_971_520)
_AGE_BUCKETS: Final = (1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800, 2_592_000, 34_560_000)

events_total = Counter("kizashi_ingest_events_total", "Events received, by what became of them", ["dialect", "outcome"])
quarantined_total = Counter("kizashi_ingest_quarantined_total", "Refused items", ["dialect", "reason"])
ignored_total = Counter("kizashi_ingest_ignored_total", "Not published, by mapping", ["dialect"])
lenient_parses_total = Counter("kizashi_ingest_lenient_parses_total", "Bodies that took the second parse", ["dialect"])
actions_total = Counter("kizashi_ingest_actions_total", "Accepted events by action", ["action"])
warnings_total = Counter("kizashi_ingest_warnings_total", "Values that were altered while accepting", ["warning"])
refused_requests_total = Counter(
    "kizashi_ingest_refused_requests_total", "Requests refused as a whole", ["dialect", "code"]
)
batch_events = Histogram("kizashi_ingest_batch_events", "Events per request", ["dialect"], buckets=_EVENTS_BUCKETS)
body_bytes = Histogram(
    "kizashi_ingest_body_bytes", "Size of a request's body", ["dialect", "form"], buckets=_BYTES_BUCKETS
)
event_age_seconds = Histogram(
    "kizashi_ingest_event_age_seconds",
    "Received minus occurred, the oldest event of each request",
    buckets=_AGE_BUCKETS,
)
future_events_total = Counter("kizashi_ingest_future_events_total", "Events clamped to their receipt")
unattributed_total = Counter(
    "kizashi_ingest_unattributed_total", "Events that name no account, by what became of them", ["outcome"]
)
key_checks_total = Counter("kizashi_ingest_key_checks_total", "How keys were judged", ["outcome"])
key_cache_age_seconds = Gauge("kizashi_ingest_key_cache_age_seconds", "Since the keys were last read whole")
body_bytes_in_flight = Gauge("kizashi_ingest_body_bytes_in_flight", "Bytes of bodies now held in memory")
heartbeats_total = Counter("kizashi_ingest_heartbeats_total", "Rounds of heartbeats", ["outcome"])
heartbeat_round_age_seconds = Gauge(
    "kizashi_ingest_heartbeat_round_age_seconds", "Now minus the time that the last round proved complete"
)
nodes = Gauge("kizashi_ingest_nodes", "Ingest processes that gave a sign lately", ["state"])

KEY_OUTCOMES: Final = ("cached", "loaded", "unknown", "revoked", "stale")
HEARTBEAT_OUTCOMES: Final = ("sent", "withheld", "failed")
UNATTRIBUTED_OUTCOMES: Final = ("held", "resolved", "expired", "overflow", "duplicate")


_CLOSED: Final[tuple[tuple[Counter | Gauge, tuple[str, ...]], ...]] = (
    (actions_total, ACTIONS),
    (warnings_total, WARNINGS),
    (key_checks_total, KEY_OUTCOMES),
    (heartbeats_total, HEARTBEAT_OUTCOMES),
    (unattributed_total, UNATTRIBUTED_OUTCOMES),
    (nodes, ("live", "draining", "missing")),
)


def declare() -> None:
    """Makes every closed series exist at zero."""
    for dialect in NAMES:
        _declare(dialect)
    for metric, values in _CLOSED:
        for value in values:
            metric.labels(value)
    for topic in (EVENTS, UNATTRIBUTED, QUARANTINE):
        produce_seconds.labels(SERVICE, topic.name)


def _declare(dialect: str) -> None:
    for outcome in get_args(Status):
        if outcome != "ignored":
            events_total.labels(dialect, outcome)
    for reason in quarantine.CODES:
        quarantined_total.labels(dialect, reason)
    for code in STATUS:
        refused_requests_total.labels(dialect, code)
    for form in ("wire", "inflated"):
        body_bytes.labels(dialect, form)
    ignored_total.labels(dialect)
    lenient_parses_total.labels(dialect)
    batch_events.labels(dialect)
