"""What alerts counts about itself. Kinds, severities and channels are closed sets; no identifier is ever a label.

Source: OPERATIONS.md 5.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, get_args

from prometheus_client import Counter, Histogram

from kizashi_alerts.domain.settle import Happened
from kizashi_common.contracts.alerts import SEVERITIES, AlertKind
from kizashi_common.telemetry.metrics import FRESHNESS_BUCKETS, HTTP_BUCKETS

VERDICTS: Final = ("true", "false", "unknown")
HOW: Final = ("person", "auto", "correction", "scope")
HELD: Final = ("covered", "batch", "never_told")
OUTCOMES: Final = ("delivered", "retried", "rejected", "exhausted", "parked")

RULE_RESULTS: Final = Counter("kizashi_alerts_rule_results_total", "Verdicts of rules over snapshots.", ["result"])
OPENED: Final = Counter("kizashi_alerts_opened_total", "Alerts opened or reopened.", ["kind", "severity"])
CLOSED: Final = Counter("kizashi_alerts_closed_total", "Alerts resolved, by whom or what.", ["kind", "how"])
HELD_TOTAL: Final = Counter("kizashi_alerts_held_total", "Events of alerts that nobody was told, and why.", ["reason"])
DELIVERIES: Final = Counter(
    "kizashi_alerts_deliveries_total", "What became of attempts to deliver.", ["channel", "outcome"]
)
SCORE_TO_DELIVERED: Final = Histogram(
    "kizashi_alerts_score_to_delivered_seconds",
    "From the event to the first successful attempt.",
    ["channel"],
    buckets=FRESHNESS_BUCKETS,
)
ATTEMPT_SECONDS: Final = Histogram(
    "kizashi_alerts_attempt_seconds", "One attempt to deliver.", ["channel"], buckets=HTTP_BUCKETS
)


def declare(channels: Iterable[str]) -> None:
    """Makes every closed series exist at zero."""
    for verdict in VERDICTS:
        RULE_RESULTS.labels(verdict)
    for kind in get_args(AlertKind):
        for severity in SEVERITIES:
            OPENED.labels(kind, severity)
        for how in HOW:
            CLOSED.labels(kind, how)
    for reason in HELD:
        HELD_TOTAL.labels(reason)
    for channel in channels:
        SCORE_TO_DELIVERED.labels(channel)
        ATTEMPT_SECONDS.labels(channel)
        for outcome in OUTCOMES:
            DELIVERIES.labels(channel, outcome)


def count_verdicts(*, true: int, false: int, unknown: int) -> None:
    """Adds the verdicts of one flush."""
    for verdict, count in (("true", true), ("false", false), ("unknown", unknown)):
        RULE_RESULTS.labels(verdict).inc(count)


def count_settled(happened: Iterable[Happened]) -> None:
    """Adds what became of alerts."""
    for one in happened:
        alert = one.alert
        if one.event in ("alert.opened", "alert.reopened") and (one.before is None or not one.before.open):
            OPENED.labels(alert.kind, alert.severity).inc()
        if one.event == "alert.resolved" and alert.resolution is not None:
            CLOSED.labels(alert.kind, alert.resolution).inc()
        if one.notify is not None and one.notify.decision == "hold" and one.notify.reason in HELD:
            HELD_TOTAL.labels(one.notify.reason).inc()
