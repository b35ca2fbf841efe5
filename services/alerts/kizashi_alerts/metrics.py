"""What alerts counts about itself. Kinds, severities and channels are closed sets; no identifier is ever a label.

Which rules fail is remembered here and only their number is told: a rule's name is no label.

Source: OPERATIONS.md 5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, get_args

from prometheus_client import Counter, Gauge, Histogram

from kizashi_alerts.domain.settle import Happened
from kizashi_common.contracts.alerts import SEVERITIES, AlertKind
from kizashi_common.telemetry.catalogue import closed, exist
from kizashi_common.telemetry.many import observe_many
from kizashi_common.telemetry.metrics import D, H, W

RESULTS: Final = ("true", "false", "unknown", "error")
KINDS: Final[tuple[str, ...]] = get_args(AlertKind)
HOW: Final = ("person", "auto", "correction", "scope")
HELD: Final = ("covered", "batch", "never_told")
OUTCOMES: Final = ("delivered", "retried", "rejected", "exhausted", "parked")
FAILING_FOR: Final = timedelta(minutes=15)

RULE_RESULTS: Final = closed(
    Counter("kizashi_alerts_rule_results_total", "What rules said of snapshots", ["result"]), result=RESULTS
)
RULE_SECONDS: Final = Histogram("kizashi_alerts_rule_seconds", "All rules over one snapshot", buckets=W)
RULES_IN_ERROR: Final = Gauge(
    "kizashi_alerts_rules_in_error", "Rules of which an expression failed in the last 15 minutes"
)
OPENED: Final = closed(
    Counter("kizashi_alerts_opened_total", "Alerts opened or reopened", ["kind", "severity"]),
    kind=KINDS,
    severity=SEVERITIES,
)
CLOSED: Final = closed(
    Counter("kizashi_alerts_closed_total", "Alerts resolved, by whom or what", ["kind", "how"]), kind=KINDS, how=HOW
)
OPEN: Final = closed(Gauge("kizashi_alerts_open", "Alerts that are open now, in all workspaces", ["kind"]), kind=KINDS)
HELD_TOTAL: Final = closed(
    Counter("kizashi_alerts_held_total", "Events of alerts that nobody was told, and why", ["reason"]), reason=HELD
)
DELIVERIES: Final = closed(
    Counter("kizashi_alerts_deliveries_total", "What became of attempts to deliver", ["channel", "outcome"]),
    outcome=OUTCOMES,
)
SCORE_TO_DELIVERED: Final = Histogram(
    "kizashi_alerts_score_to_delivered_seconds",
    "From the score that caused it, or the person's act, to the receiver; what was taken at the first attempt",
    ["channel"],
    buckets=D,
)
ATTEMPT_SECONDS: Final = Histogram("kizashi_alerts_attempt_seconds", "One attempt to deliver", ["channel"], buckets=H)
OLDEST_DUE: Final = Gauge(
    "kizashi_alerts_oldest_due_delivery_age_seconds",
    "How long the oldest delivery has been due; waiting for a next attempt or behind a slow receiver is not due",
    ["channel"],
)
PENDING: Final = Gauge("kizashi_alerts_pending_deliveries", "Deliveries that are not finished", ["channel"])
ENDPOINTS_DISABLED: Final = Counter(
    "kizashi_alerts_endpoints_disabled_total", "Webhook endpoints that said they are gone for good"
)
BLOCKED: Final = Counter(
    "kizashi_alerts_blocked_addresses_total", "Requests that were not made, since their address may not be reached"
)


def declare(channels: Iterable[str]) -> None:
    """Makes the series of every channel exist at zero; the others exist from their declaration on."""
    names = tuple(channels)
    for metric in (DELIVERIES, SCORE_TO_DELIVERED, ATTEMPT_SECONDS, OLDEST_DUE, PENDING):
        exist(metric, channel=names)


def count_results(*, true: int, false: int, unknown: int, error: int, seconds: Iterable[float]) -> None:
    """Adds the results of one flush. Units: `seconds` for each of its snapshots."""
    for result, count in (("true", true), ("false", false), ("unknown", unknown), ("error", error)):
        RULE_RESULTS.labels(result).inc(count)
    observe_many(RULE_SECONDS, seconds)


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


class Failing:
    """The rules that fail now: a rule is one of them until a quarter of an hour has passed without a failure.

    Most rules are judged when an account is heard of, so that one good result says nothing about the next account.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._failed_at: dict[str, datetime] = {}
        RULES_IN_ERROR.set_function(self.count)

    def failed(self, rules: Iterable[str]) -> None:
        """These failed just now."""
        self._failed_at.update(dict.fromkeys(rules, self._clock()))

    def count(self) -> int:
        """How many fail now."""
        since = self._clock() - FAILING_FOR
        self._failed_at = {rule: at for rule, at in self._failed_at.items() if at > since}
        return len(self._failed_at)
