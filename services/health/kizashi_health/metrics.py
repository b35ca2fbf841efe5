"""Health's own metrics. Catalogue: OPERATIONS.md 5; the rows that bench, doctor and the page need."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from kizashi_common.telemetry.metrics import WORK_BUCKETS

flush_seconds = Histogram(
    "kizashi_health_flush_seconds", "Writing one flush inside its transaction", ["phase"], buckets=WORK_BUCKETS
)
flushed_rows_total = Counter("kizashi_health_flushed_rows_total", "Rows written by flushes", ["table"])
complete_age_seconds = Gauge(
    "kizashi_health_complete_age_seconds", "Now minus the time up to which input is proved complete", ["partition"]
)

TABLES: Final = ("day", "user", "score", "history", "fact", "outbox")

for _table in TABLES:
    flushed_rows_total.labels(_table)
flush_seconds.labels("write")
