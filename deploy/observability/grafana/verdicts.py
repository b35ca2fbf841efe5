"""One word for each part of the product: fine, limping, broken, absent. The first thing that the overview shows.

A verdict is computed from what the part did in the last minute, not from what it says about itself alone: a service
that answers its probe and moves nothing is broken. Dependencies stand before those that depend on them, so whoever
reads from the left meets the cause before its effects.

The variables `service` and `instance` do not narrow a verdict: half of a picture would be green.
"""

from __future__ import annotations

from typing import Final

from deploy.observability.generate.burning import limit
from deploy.observability.generate.slo import number
from deploy.observability.grafana.ask import grown, or_zero, per_second, worst
from deploy.observability.grafana.model import Meaning
from deploy.observability.grafana.objectives import FASTEST, OBJECTIVES

FINE: Final = 0
LIMPING: Final = 1
BROKEN: Final = 2
ABSENT: Final = 3
OFF: Final = 4

MEANINGS: Final = {
    FINE: Meaning("fine", "green"),
    LIMPING: Meaning("limping", "orange"),
    BROKEN: Meaning("BROKEN", "red"),
    ABSENT: Meaning("ABSENT", "dark-red"),
    OFF: Meaning("not running", "text"),
}

STALE_SECONDS: Final = 30
"""The objective for freshness: older input than this makes a consumer limp (OPERATIONS.md 6.1)."""
STUCK_SECONDS: Final = 300
"""KizashiInputStuck: older input than this is a broken consumer."""
OVERDUE_SECONDS: Final = 900
"""KizashiDeliveriesOverdue."""
STOPPED: Final = 'state="stopped"'
BROKEN_SHARE: Final = 0.5
"""More bad units than this share of all, in the last minute, and a door counts as broken."""


def postgresql() -> str:
    """Limping with errors; broken when not one statement ended, which is also how a frozen server looks."""
    errors = grown("kizashi_db_errors_total", where='reason=~"connect|timeout"')
    ended = grown("kizashi_db_query_seconds_count", where="")
    return _worst_of(f"{BROKEN} * ({ended} == bool 0)", f"({errors} > bool 0)")


def kafka() -> str:
    """Limping when records failed; broken when none was acknowledged (heartbeats always produce)."""
    failed = grown("kizashi_produce_records_total", where='outcome="failed"')
    acked = grown("kizashi_produce_records_total", where='outcome="acked"')
    return _worst_of(f"({failed} > bool 0) * (1 + ({acked} == bool 0))")


def door(service: str, slo: str) -> str:
    """A service that answers requests: limping at the pace that would wake somebody, broken when most units are bad."""
    bad = per_second("kizashi_sli_total", where=f'slo="{slo}",outcome="bad"')
    units = per_second("kizashi_sli_total", where=f'slo="{slo}"')
    pace = number(limit(next(one for one in OBJECTIVES.slos if one.name == slo), FASTEST))
    return _worst_of(
        _not_ready(service), f"({bad} > bool {pace} * {units})", f"({bad} > bool {BROKEN_SHARE} * {units})"
    )


def consumer(service: str, *others: str) -> str:
    """A service that reads a topic: ready, nothing stopped, nothing old; `others` are reasons of its own."""
    age = f"({or_zero(_of('kizashi_consumer_oldest_unprocessed_age_seconds', service))})"
    stopped = f"({or_zero(_of('kizashi_consumer_partitions', service, STOPPED))})"
    return _worst_of(
        _not_ready(service),
        f"{BROKEN} * ({stopped} > bool 0)",
        f"({age} > bool {STALE_SECONDS})",
        f"({age} > bool {STUCK_SECONDS})",
        *others,
    )


def health() -> str:
    """As a consumer; and an invariant that broke in the last quarter of an hour is the worst there is."""
    broken = grown("kizashi_health_invariant_violations_total", where="", over="15m")
    return consumer("health", f"{BROKEN} * ({broken} > bool 0)")


def alerts() -> str:
    """As a consumer; and notifications that are due must go out."""
    due = worst("kizashi_alerts_oldest_due_delivery_age_seconds", where="")
    return consumer("alerts", f"({due} > bool 60)", f"({due} > bool {OVERDUE_SECONDS})")


def canary() -> str:
    """Limping after one missed round, broken where KizashiCanaryFailing fires, and no fault where none runs."""
    score, alert = (
        f'(time() - max(kizashi_canary_last_success_timestamp_seconds{{leg="{leg}"}}))' for leg in ("score", "alert")
    )
    return _worst_of(
        f"({score} > bool 90)",
        f"({score} > bool 300)",
        f"{BROKEN} * ({alert} > bool 900)",
        absent=OFF,
    )


def _not_ready(service: str) -> str:
    return f'{BROKEN} * (min(kizashi_ready{{service="{service}"}}) == bool 0)'


def _of(metric: str, service: str, also: str = "") -> str:
    return worst(metric, where=",".join(part for part in (f'service="{service}"', also) if part))


def _worst_of(*reasons: str, absent: int = ABSENT) -> str:
    return f"clamp_max({' + '.join(reasons)}, {BROKEN}) or vector({absent})"
