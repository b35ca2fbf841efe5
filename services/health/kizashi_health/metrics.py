"""Health's own metrics. Catalogue: OPERATIONS.md 5; the rows that bench, doctor and the page need."""

from __future__ import annotations

from typing import Final, get_args

from prometheus_client import Counter, Gauge, Histogram

from kizashi_common.contracts.scores import Reason
from kizashi_common.telemetry.metrics import FRESHNESS_BUCKETS, WORK_BUCKETS

REASONS: Final[tuple[str, ...]] = get_args(Reason)

event_to_score_seconds = Histogram(
    "kizashi_health_event_to_score_seconds",
    "From receipt of an event to the commit of the flush that holds its account's new score",
    buckets=FRESHNESS_BUCKETS,
)
flush_rows = Counter("kizashi_health_flushed_rows_total", "Rows written by flushes", ["table"])
flush_seconds = Histogram(
    "kizashi_health_flush_seconds", "Writing one flush inside its transaction", ["phase"], buckets=WORK_BUCKETS
)
scores_published_total = Counter("kizashi_health_scores_published_total", "Score messages committed", ["reason"])
complete_age_seconds = Gauge(
    "kizashi_health_complete_age_seconds", "Now minus the time up to which input is proved complete", ["partition"]
)

TABLES: Final = ("day", "user", "score", "history", "dedupe", "fact")

for _table in TABLES:
    flush_rows.labels(_table)
for _reason in REASONS:
    scores_published_total.labels(_reason)
flush_seconds.labels("write")
