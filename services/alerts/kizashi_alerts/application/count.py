"""Counts what a flush made of rules and alerts, once it is committed: what is told of in numbers has happened.

Source: OPERATIONS.md 5.
"""

from __future__ import annotations

from kizashi_alerts.engine.flush import AlertsFlush
from kizashi_alerts.metrics import Failing, count_results, count_settled
from kizashi_common.stream.shapes import Claim, Phases


class Count:
    """Implements `stream.shapes.Committed`."""

    def __init__(self, failing: Failing) -> None:
        self._failing = failing

    def __call__(self, claim: Claim, flush: AlertsFlush, phases: Phases) -> None:
        """Adds one flush."""
        tally = flush.tally
        count_results(
            true=tally.true, false=tally.false, unknown=tally.unknown, error=tally.error, seconds=tally.seconds
        )
        count_settled(flush.happened)
        self._failing.failed(tally.failing)
