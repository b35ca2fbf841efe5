"""What one request adds to the metrics, gathered first: labels looked up for each event would cost as much as judging.

A request that in the end was not durable adds nothing; its sender comes again.
"""

from __future__ import annotations

from collections import Counter

from kizashi_common.contracts.topics import UNATTRIBUTED
from kizashi_common.telemetry.many import observe_many
from kizashi_ingest import metrics
from kizashi_ingest.domain.intake import Outcome


class Tally:
    """Counts the outcomes of one request."""

    def __init__(self, dialect: str, wire: int, inflated: int, *, is_lenient: bool) -> None:
        self._dialect = dialect
        self._sizes = (("wire", wire), ("inflated", inflated))
        self._is_lenient = is_lenient
        self._statuses: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._actions: Counter[str] = Counter()
        self._warnings: Counter[str] = Counter()
        self._unattributed = 0
        self._ages_s: list[float] = []

    def add(self, outcome: Outcome) -> None:
        """One more item was judged."""
        verdict = outcome.verdict
        self._statuses[verdict.status] += 1
        if verdict.status == "quarantined":
            self._reasons[verdict.code or ""] += 1
        if outcome.action is not None:
            self._actions[outcome.action] += 1
            self._ages_s.append(max(0.0, outcome.age_s))
        for code, count in outcome.warnings:
            self._warnings[code] += count
        if outcome.destined is not None and outcome.destined.topic == UNATTRIBUTED.name:
            self._unattributed += 1

    @property
    def accepted(self) -> int:
        """Items answered as accepted, those that mapping ignores among them."""
        return self._statuses["accepted"] + self._statuses["ignored"]

    @property
    def quarantined(self) -> int:
        """Items refused."""
        return self._statuses["quarantined"]

    def publish(self) -> None:
        """Adds it all to the metrics."""
        dialect = self._dialect
        self._publish_outcomes(dialect)
        for reason, count in self._reasons.items():
            metrics.quarantined_total.labels(dialect, reason).inc(count)
        for action, count in self._actions.items():
            metrics.actions_total.labels(action).inc(count)
        for warning, count in self._warnings.items():
            metrics.warnings_total.labels(warning).inc(count)
        metrics.future_events_total.inc(self._warnings["future_time"])
        metrics.unattributed_total.labels("held").inc(self._unattributed)
        observe_many(metrics.event_age_seconds, self._ages_s)
        for form, size in self._sizes:
            metrics.body_bytes.labels(dialect, form).observe(size)
        if self._is_lenient:
            metrics.lenient_parses_total.labels(dialect).inc()

    def _publish_outcomes(self, dialect: str) -> None:
        accepted = self.accepted
        for outcome, count in (("accepted", accepted), ("quarantined", self.quarantined)):
            if count:
                metrics.events_total.labels(dialect, outcome).inc(count)
        repeated = self._statuses["duplicate_in_batch"]
        if repeated:
            metrics.events_total.labels(dialect, "duplicate_in_batch").inc(repeated)
        if self._statuses["ignored"]:
            metrics.ignored_total.labels(dialect).inc(self._statuses["ignored"])
        metrics.batch_events.labels(dialect).observe(self._statuses.total())
