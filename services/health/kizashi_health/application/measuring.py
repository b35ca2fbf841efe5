"""Every flush, once it is committed, as metrics; and what the freshness objective makes of its events.

An event is fresh when the flush that counts it was committed 30 s after its receipt at the latest; imported ones are
not judged. Whatever is counted per event is told per flush.

Source: OPERATIONS.md 5 and 6.1.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import datetime
from time import perf_counter
from typing import Final

from kizashi_common.stream.dedupe import ID_BYTES
from kizashi_common.stream.shapes import Claim, Phases
from kizashi_common.telemetry.many import observe_many
from kizashi_common.telemetry.metrics import sli_total
from kizashi_common.telemetry.tracing import exemplar_of
from kizashi_health import metrics
from kizashi_health.engine.flush import Flush
from kizashi_health.engine.noted import Noted

FRESH: Final = 30.0
"""Units: seconds."""
_GOOD: Final = sli_total.labels("freshness", "good")
_BAD: Final = sli_total.labels("freshness", "bad")
_PHASES: Final = tuple(metrics.flush_seconds.labels(phase) for phase in metrics.PHASES)
_TABLES: Final = tuple(metrics.flush_rows.labels(table) for table in metrics.TABLES)


class FlushMeter:
    """`stream.Committed` of health."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._last: dict[int, float] = {}
        self._begun: dict[int, float] = {}

    def __call__(self, claim: Claim, flush: Flush, phases: Phases) -> None:
        """Counts what this flush did."""
        for series, seconds in zip(_PHASES, phases, strict=True):
            series.observe(seconds)
        for series, rows in zip(_TABLES, _rows(flush), strict=True):
            if rows:
                series.observe(rows)
        self._events(flush.noted)
        _scores(flush.noted)
        if flush.counts.parked:
            metrics.late_events_total.labels("parked").inc(flush.counts.parked)
        self._sweeps(claim.slot, flush.noted)

    def _events(self, noted: Noted) -> None:
        if not noted.received and not noted.appended:
            return
        now = self._clock()
        live = sorted(max(0.0, (now - at).total_seconds()) for at in noted.received)
        fresh = bisect_right(live, FRESH)
        _GOOD.inc(fresh)
        _BAD.inc(len(live) - fresh)
        imported = (max(0.0, (now - at).total_seconds()) for at in noted.appended)
        observe_many(metrics.event_to_score_seconds, [*_without_traced(noted, live, now), *imported])
        if noted.late:
            metrics.late_events_total.labels("applied").inc(noted.late)

    def _sweeps(self, slot: int, noted: Noted) -> None:
        """A day that began was taken at the earliest when the flush before it ended."""
        now = perf_counter()
        since = self._last.get(slot, now)
        self._last[slot] = now
        for wake in noted.sweeping:
            self._begun.setdefault(wake, since)
        for wake in noted.swept:
            metrics.sweep_seconds.observe(now - self._begun.pop(wake, since))


def _without_traced(noted: Noted, live: list[float], now: datetime) -> list[float]:
    """All but the event whose trace is recorded: it is observed with that trace as exemplar, under its own value."""
    header, at = noted.traced or (None, now)
    exemplar, seconds = exemplar_of(header), max(0.0, (now - at).total_seconds())
    if exemplar is not None and seconds in live:
        metrics.event_to_score_seconds.observe(seconds, exemplar)
        live.remove(seconds)
    return live


def _rows(flush: Flush) -> tuple[int, ...]:
    ids = sum(map(len, flush.ids.values())) // ID_BYTES
    return len(flush.days), len(flush.users), ids, len(flush.cards), len(flush.scores), len(flush.messages)


def _scores(noted: Noted) -> None:
    for reason, count in noted.computed.items():
        metrics.scores_computed_total.labels(reason).inc(count)
    for reason, count in noted.published.items():
        metrics.scores_published_total.labels(reason).inc(count)
    for (before, after), count in noted.band_changes.items():
        metrics.band_changes_total.labels(before or metrics.NO_BAND, after or metrics.NO_BAND).inc(count)
