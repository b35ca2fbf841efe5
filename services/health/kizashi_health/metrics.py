"""Health's own metrics. Counters move after the commit, so a crash can lose counts but not events.

Source: OPERATIONS.md 5.
"""

from __future__ import annotations

from typing import Final, get_args

from prometheus_client import Counter, Gauge, Histogram

from kizashi_common.contracts.scores import Band, Reason
from kizashi_common.telemetry.catalogue import closed
from kizashi_common.telemetry.metrics import F, N, W

REASONS: Final[tuple[str, ...]] = get_args(Reason)
NO_BAND: Final = "none"
BANDS: Final[tuple[str, ...]] = (*get_args(Band), NO_BAND)
TABLES: Final = ("day", "user", "dedupe", "score", "history", "outbox")
PHASES: Final = ("build", "write", "commit")
HEATS: Final = ("hot", "cold")
INVARIANTS: Final = ("offsets", "sums", "chain", "complete")

event_to_score_seconds = Histogram(
    "kizashi_health_event_to_score_seconds",
    "From an event's receipt to the commit that counts it; of an imported one from when it was appended",
    buckets=F,
)
flush_seconds = closed(
    Histogram("kizashi_health_flush_seconds", "One flush, by what it does", ["phase"], buckets=W), phase=PHASES
)
flush_rows = closed(
    Histogram("kizashi_health_flush_rows", "Rows that one flush writes", ["table"], buckets=N), table=TABLES
)
unflushed_rows = Gauge("kizashi_health_unflushed_rows", "Rows in memory and not yet in PostgreSQL")
flush_age_seconds = Gauge("kizashi_health_flush_age_seconds", "Age of the oldest change not yet in PostgreSQL")
complete_age_seconds = Gauge(
    "kizashi_health_complete_age_seconds", "Now minus the time up to which input is proved complete", ["partition"]
)
sweep_seconds = Histogram(
    "kizashi_health_sweep_seconds",
    "A day that began, in one partition: from its first account to the commit of its last",
    buckets=W,
)
sweep_held_partitions = closed(
    Gauge("kizashi_health_sweep_held_partitions", "Partitions that cannot begin a day, by what lacks", ["reason"]),
    reason=("lag", "heartbeat"),
)
scores_computed_total = closed(
    Counter("kizashi_health_scores_computed_total", "Scores computed, by what asked for it", ["reason"]),
    reason=REASONS,
)
scores_published_total = closed(
    Counter("kizashi_health_scores_published_total", "Snapshots published, by what they tell of", ["reason"]),
    reason=REASONS,
)
accounts = closed(
    Gauge("kizashi_health_accounts", "Accounts with a score, of the partitions of this process", ["band"]), band=BANDS
)
band_changes_total = closed(
    Counter("kizashi_health_band_changes_total", "Published changes of band", ["from", "to"]),
    **{"from": BANDS, "to": BANDS},
)
low_evidence_accounts = Gauge(
    "kizashi_health_low_evidence_accounts", "Accounts whose score rests on little, of the partitions of this process"
)
state_accounts = Gauge("kizashi_health_state_accounts", "Accounts in memory")
state_users = Gauge("kizashi_health_state_users", "Users of the accounts in memory")
dedupe_ids = closed(Gauge("kizashi_health_dedupe_ids", "Message ids in memory", ["heat"]), heat=HEATS)
dedupe_bytes = closed(Gauge("kizashi_health_dedupe_bytes", "About what those ids take", ["heat"]), heat=HEATS)
dedupe_cold_load_seconds = Histogram(
    "kizashi_health_dedupe_cold_load_seconds", "Reading the message ids of days that are no longer hot", buckets=W
)
late_events_total = closed(
    Counter("kizashi_health_late_events_total", "Events of days that were over, by what became of them", ["handling"]),
    handling=("applied", "parked"),
)
invariant_violations_total = closed(
    Counter(
        "kizashi_health_invariant_violations_total",
        "Findings that must never be, looked for each minute",
        ["invariant"],
    ),
    invariant=INVARIANTS,
)
