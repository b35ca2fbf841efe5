"""The canary's metrics; every series exists from the first scrape.

Source: OPERATIONS.md 5, "canary".
"""

from __future__ import annotations

from typing import Final, Literal

from prometheus_client import Counter, Gauge, Histogram

from kizashi_common.telemetry.catalogue import closed
from kizashi_common.telemetry.metrics import F

Leg = Literal["score", "alert"]
Reason = Literal["refused", "timeout", "wrong"]

LEGS: Final[tuple[Leg, ...]] = ("score", "alert")
REASONS: Final[tuple[Reason, ...]] = ("refused", "timeout", "wrong")

sent_total = Counter("kizashi_canary_sent_total", "Events and facts that the canary sent, whatever the answer")
failures_total = closed(
    Counter(
        "kizashi_canary_failures_total",
        "Rounds that failed: refused by a door, not seen in time, or answered with what cannot be",
        ["leg", "reason"],
    ),
    leg=LEGS,
    reason=REASONS,
)
roundtrip_seconds = closed(
    Histogram(
        "kizashi_canary_roundtrip_seconds",
        "From sending an event or fact to reading its effect through the gateway",
        ["leg"],
        buckets=F,
    ),
    leg=LEGS,
)
last_success_timestamp_seconds = closed(
    Gauge(
        "kizashi_canary_last_success_timestamp_seconds",
        "When a round last succeeded; before the first success, when the canary started",
        ["leg"],
    ),
    leg=LEGS,
)


def begin(started_at: float) -> None:
    """The time without success counts from the start: a canary that never sang must be missed as well.

    Units: seconds since 1970.
    """
    for leg in LEGS:
        last_success_timestamp_seconds.labels(leg).set(started_at)
