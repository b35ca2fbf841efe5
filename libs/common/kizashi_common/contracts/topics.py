"""Every topic: what it carries, under which key, who writes and who reads it, how many partitions for life.

Source: OPERATIONS.md 0. `kizashi migrate` creates or checks them; a service that finds another count refuses to start.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. `partitions` holds in clusters, `partitions_local` in local mode; both are for life."""

    name: str
    carries: str
    key: str
    producer: str
    consumers: tuple[str, ...]
    partitions: int
    partitions_local: int
    retention: timedelta = timedelta(days=14)

    def count(self, *, local: bool) -> int:
        """How many partitions this topic has in the given mode."""
        return self.partitions_local if local else self.partitions


EVENTS: Final = Topic(
    "kizashi.events.v1",
    "events, facts, heartbeats and erasures of known accounts",
    "workspace|a:account; heartbeats and erasures: none, to every partition",
    "ingest",
    ("health",),
    24,
    8,
)
UNATTRIBUTED: Final = Topic(
    "kizashi.unattributed.v1",
    "events that name no account yet",
    "workspace|u:user or workspace|n:anonymous",
    "ingest",
    ("ingest",),
    24,
    8,
)
QUARANTINE: Final = Topic("kizashi.quarantine.v1", "refused items", "workspace", "ingest", ("ingest",), 6, 4)
SCORES: Final = Topic(
    "kizashi.scores.v1",
    "snapshots of accounts and sources: score, signals, reasons",
    "workspace|a:account or workspace|s:source",
    "health",
    ("alerts", "gateway"),
    24,
    8,
)
ALERTS: Final = Topic(
    "kizashi.alerts.v1",
    "what became of alerts",
    "workspace|a:account, workspace|s:source, or workspace",
    "alerts",
    ("gateway",),
    12,
    4,
)

TOPICS: Final = (EVENTS, UNATTRIBUTED, QUARANTINE, SCORES, ALERTS)

MAX_MESSAGE_BYTES: Final = 1_048_576
"""The broker's limit for one batch."""

MAX_VALUE_BYTES: Final = 900_000
"""Our limit for one encoded value, checked by the producer so that the broker never has to refuse."""

CONFIG: Final = {
    "cleanup.policy": "delete",
    "message.timestamp.type": "LogAppendTime",
    "max.message.bytes": str(MAX_MESSAGE_BYTES),
    "unclean.leader.election.enable": "false",
}
"""Settings that every topic has; retention and replication come on top."""
