"""What runs by topic or by time: counting, the days that begin, and three that only look.

Source: ARCHITECTURE.md 2.
"""

from __future__ import annotations

from typing import Any

from kizashi_common.db.clock_offset import WORKER as CLOCK
from kizashi_common.db.clock_offset import ClockOffset
from kizashi_common.runtime.service import Resources, Worker
from kizashi_common.stream.meter import WORKER as CONSUME
from kizashi_common.stream.runner import Runner
from kizashi_health.application.census import WORKER as CENSUS
from kizashi_health.application.census import Census
from kizashi_health.application.gauges import Gauges
from kizashi_health.application.invariants import WORKER as INVARIANTS
from kizashi_health.application.invariants import Invariants


def workers(runner: Runner[Any, Any, Any], census: Census, resources: Resources, service: str) -> tuple[Worker, ...]:
    """Every worker of this service."""
    database, clock = resources.database, resources.clock
    return (
        Worker(CONSUME, runner.run),
        Worker(CENSUS, census.run),
        Worker("gauges", Gauges(lambda: runner.live, clock).run),
        Worker(INVARIANTS, Invariants(database, lambda: runner.live, clock).run),
        Worker(CLOCK, ClockOffset(database, clock, service).run),
    )
