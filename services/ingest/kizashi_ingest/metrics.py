"""What ingest counts. The catalogue is OPERATIONS.md 5; figures per source are no labels, ever.

Closed sets come from the domain's registries, and every series of one exists at zero from the start. Ages are read off
the clock when somebody looks (`follow`), so that they go on growing while whatever should renew them is stuck.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from kizashi_common.contracts import quarantine
from kizashi_common.telemetry.catalogue import closed
from kizashi_common.telemetry.metrics import A, B, N
from kizashi_ingest.domain.answers import STATUS
from kizashi_ingest.domain.dialects import NAMES
from kizashi_ingest.domain.mapping import ACTIONS
from kizashi_ingest.domain.notes import WARNINGS

SERVICE: Final = "ingest"

OUTCOMES: Final = ("accepted", "quarantined", "duplicate_in_batch")
KEY_OUTCOMES: Final = ("cached", "loaded", "unknown", "revoked", "stale")
HEARTBEAT_OUTCOMES: Final = ("sent", "withheld", "failed")

events_total = closed(
    Counter("kizashi_ingest_events_total", "Events received, by what became of them", ["dialect", "outcome"]),
    dialect=NAMES,
    outcome=OUTCOMES,
)
quarantined_total = closed(
    Counter("kizashi_ingest_quarantined_total", "Refused items", ["dialect", "reason"]),
    dialect=NAMES,
    reason=quarantine.CODES,
)
ignored_total = closed(
    Counter("kizashi_ingest_ignored_total", "Accepted items that mapping does not publish", ["dialect"]),
    dialect=NAMES,
)
lenient_parses_total = closed(
    Counter("kizashi_ingest_lenient_parses_total", "Bodies that took the second parse", ["dialect"]), dialect=NAMES
)
actions_total = closed(Counter("kizashi_ingest_actions_total", "Accepted events by action", ["action"]), action=ACTIONS)
warnings_total = closed(
    Counter("kizashi_ingest_warnings_total", "Values that were altered while accepting", ["warning"]),
    warning=WARNINGS,
)
refused_requests_total = closed(
    Counter("kizashi_ingest_refused_requests_total", "Requests refused as a whole", ["dialect", "code"]),
    dialect=NAMES,
    code=tuple(STATUS),
)
batch_events = closed(
    Histogram("kizashi_ingest_batch_events", "Events per request", ["dialect"], buckets=N), dialect=NAMES
)
body_bytes = closed(
    Histogram("kizashi_ingest_body_bytes", "Size of a request's body", ["dialect", "form"], buckets=B),
    dialect=NAMES,
    form=("wire", "inflated"),
)
event_age_seconds = Histogram(
    "kizashi_ingest_event_age_seconds", "Received minus occurred, of accepted events", buckets=A
)
future_events_total = Counter("kizashi_ingest_future_events_total", "Events clamped to their receipt")
unattributed_total = closed(
    Counter("kizashi_ingest_unattributed_total", "Events that name no account, by what became of them", ["outcome"]),
    outcome=("held",),
)
key_checks_total = closed(
    Counter("kizashi_ingest_key_checks_total", "How keys were judged, one outcome each", ["outcome"]),
    outcome=KEY_OUTCOMES,
)
key_cache_age_seconds = Gauge("kizashi_ingest_key_cache_age_seconds", "Since the keys were last read whole")
body_bytes_in_flight = Gauge("kizashi_ingest_body_bytes_in_flight", "Bytes of bodies now held in memory")
heartbeats_total = closed(
    Counter("kizashi_ingest_heartbeats_total", "This node's part in the rounds of heartbeats", ["outcome"]),
    outcome=HEARTBEAT_OUTCOMES,
)
heartbeat_round_age_seconds = Gauge(
    "kizashi_ingest_heartbeat_round_age_seconds",
    "Now minus the time that the last round of this node proved complete; the least over nodes counts",
)
nodes = closed(
    Gauge("kizashi_ingest_nodes", "Ingest processes that gave a sign in the last minute", ["state"]),
    state=("live",),
)


def follow(gauge: Gauge, age: Callable[[], float]) -> None:
    """Has the gauge ask for its value whenever it is read."""
    gauge.set_function(age)
