"""Proof of silence: once a round, one record into every partition that says up to when nothing is missing.

It travels in the same lanes as events, so it lies behind all that it speaks of. No heartbeat, no decay: while Kafka or
PostgreSQL is away rounds fail, and consumers stand still instead of taking our outage for churn.

Source: INGEST.md 9, "Rounds and heartbeats".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from kizashi_common.contracts.envelope import packed
from kizashi_common.contracts.events import Heartbeat, HeartbeatData
from kizashi_common.contracts.topics import EVENTS
from kizashi_common.errors import Busy
from kizashi_common.telemetry.logging import get_logger
from kizashi_ingest import metrics
from kizashi_ingest.adapters.journal import Journal
from kizashi_ingest.adapters.rounds import Round, RoundStore
from kizashi_ingest.application.in_flight import InFlight

_log = get_logger("ingest")


class Heartbeats:
    """This node's part in the rounds."""

    def __init__(
        self,
        store: RoundStore,
        journal: Journal,
        in_flight: InFlight,
        clock: Callable[[], datetime],
        every: timedelta,
    ) -> None:
        self._store = store
        self._journal = journal
        self._in_flight = in_flight
        self._clock = clock
        self._every = every
        self._proved_through = clock()

    def age_s(self) -> float:
        """Seconds since the time up to which the last round that this node sent proved all input complete.

        Before its first round they count from its start. Another node may have sent later rounds: what holds for the
        installation is the least over all nodes.
        """
        return (self._clock() - self._proved_through).total_seconds()

    async def beat(self) -> Round | None:
        """Gives a sign of life, and when a round is due, opens it and sends its heartbeat everywhere.

        Returns the round if this node sent it. Never raises for a broker or database that is away.
        """
        try:
            opened = await self._opened()
            if opened is None:
                metrics.heartbeats_total.labels("withheld").inc()
                return None
            await self._journal.write_to_all(EVENTS.name, packed(self._record(opened)))
        except Busy as error:
            metrics.heartbeats_total.labels("failed").inc()
            _log.warning("heartbeat_failed", reason=error.reason, error=error)
            return None
        metrics.heartbeats_total.labels("sent").inc()
        self._proved_through = opened.complete_through
        return opened

    async def _opened(self) -> Round | None:
        now = self._clock()
        metrics.nodes.labels("live").set(await self._store.sign(self._in_flight.promise(now), now))
        self._in_flight.is_open = True
        return await self._store.open(self._every, now)

    def _record(self, opened: Round) -> Heartbeat:
        return Heartbeat(
            f"heartbeat {opened.number}",
            "/ingest",
            self._clock(),
            HeartbeatData(opened.number, opened.complete_through),
        )
