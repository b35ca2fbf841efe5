"""What runs by topic or by time: judging, numbering and sending, two pools of delivery, and looks at what waits.

Source: ARCHITECTURE.md 3, "An alert".
"""

from __future__ import annotations

from functools import partial

from kizashi_alerts.application.deliver import Deliver
from kizashi_alerts.application.watch import Watch
from kizashi_alerts.engine.engine import Keys, Rows
from kizashi_alerts.engine.flush import AlertsFlush
from kizashi_common.db.clock_offset import WORKER as CLOCK
from kizashi_common.db.clock_offset import ClockOffset
from kizashi_common.runtime.service import Worker
from kizashi_common.stream.runner import Runner
from kizashi_common.stream.shared_outbox import Relay


def workers(
    runner: Runner[Keys, Rows, AlertsFlush], relay: Relay, deliver: Deliver, offset: ClockOffset, watch: Watch
) -> tuple[Worker, ...]:
    """Every worker of this service. First attempts do not wait behind retries: each have a pool of their own."""
    return (
        Worker("consume", runner.run),
        Worker("relay", relay.run),
        Worker("deliver-first", partial(deliver.run, first=True)),
        Worker("deliver-retries", partial(deliver.run, first=False)),
        Worker(CLOCK, offset.run),
        Worker("watch", watch.run),
    )
