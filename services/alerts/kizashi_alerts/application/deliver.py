"""Delivers what is due: lease, send outside any transaction, write what came of it.

Source: ALERTS.md 11.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from kizashi_alerts.adapters.channel import Channel, Gone, Notification, Refused, Sent
from kizashi_alerts.adapters.deliveries import PER_ENDPOINT, Attempt, Deliveries, Delivery, Finished
from kizashi_alerts.adapters.endpoints import Endpoints
from kizashi_alerts.adapters.outbound import TOTAL, TimedOut
from kizashi_alerts.domain import timeliness
from kizashi_alerts.domain.delivery import LEASE_GRACE, Failure, Next, after_attempt
from kizashi_alerts.metrics import ATTEMPT_SECONDS, DELIVERIES, ENDPOINTS_DISABLED, SCORE_TO_DELIVERED
from kizashi_common.errors import Busy, KizashiError, Rejected, Unavailable
from kizashi_common.telemetry.failpoints import failpoint
from kizashi_common.telemetry.logging import get_logger
from kizashi_common.telemetry.metrics import sli_total
from kizashi_common.telemetry.spans import Attribute
from kizashi_common.telemetry.tracing import delivering, describe, exemplar, traceparent

LEASE: Final = TOTAL + LEASE_GRACE
_STEPS: Final = 1 << 32

_SERVICE: Final = "alerts"
_log = get_logger(_SERVICE)


class Outcome(NamedTuple):
    """How one attempt ended: `failure` is None when the receiver has it; `gone` when the place is no more."""

    failure: Failure | None
    status: int | None
    error: str | None
    said: str | None
    gone: bool = False
    blame: timeliness.Blame = "nobody"


class Deliver:
    """First attempts and retries each have a pool of their own, so that a storm of retries delays no news."""

    def __init__(
        self,
        deliveries: Deliveries,
        endpoints: Endpoints,
        channel: Channel,
        clock: Callable[[], datetime],
        chance: Callable[[int], bytes],
        concurrency: int,
    ) -> None:
        self._deliveries = deliveries
        self._endpoints = endpoints
        self._channel = channel
        self._clock = clock
        self._chance = chance
        self._concurrency = concurrency
        # Half the pool, so that the dead receivers of one workspace never hold up those of all others.
        self._share = max(PER_ENDPOINT, concurrency // 2)

    async def run(self, *, first: bool, poll: timedelta = timedelta(milliseconds=200)) -> None:
        """Works until cancelled: as many in flight as the pool holds, the next as soon as one is done."""
        flying: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as group:
            while True:
                leased = await self._lease(first=first, most=self._concurrency - len(flying))
                for delivery in leased:
                    task = group.create_task(self._one(delivery))
                    flying.add(task)
                    task.add_done_callback(flying.discard)
                if not leased or len(flying) >= self._concurrency:
                    await asyncio.sleep(poll.total_seconds())

    async def turn(self, *, first: bool) -> int:
        """Delivers what is due now, once; how many attempts that were."""
        leased = await self._lease(first=first, most=self._concurrency)
        async with asyncio.TaskGroup() as group:
            for delivery in leased:
                group.create_task(self._one(delivery))
        return len(leased)

    async def _lease(self, *, first: bool, most: int) -> list[Delivery]:
        if most <= 0:
            return []
        now = self._clock()
        try:
            leased = await self._deliveries.lease(now, now + LEASE, first=first, most=most, share=self._share)
        except Busy as error:
            _log.warning("delivery_waits", reason=error.reason)
            return []
        if leased.parked:
            DELIVERIES.labels(self._channel.name, "parked").inc(leased.parked)
        return leased.deliveries

    async def _one(self, delivery: Delivery) -> None:
        with delivering(_SERVICE, self._channel.name, delivery.traceparent, delivery.id.int):
            try:
                await self._attempt(delivery)
            except Busy as error:
                # The lease runs out by itself, and the same id is sent again.
                describe({Attribute.OUTCOME: "unfinished"}, is_failure=True)
                _log.warning("delivery_unfinished", reason=error.reason, workspace=delivery.workspace)

    async def _attempt(self, delivery: Delivery) -> None:
        started = self._clock()
        outcome = await self._sent(delivery, started)
        failpoint("deliver.sent")
        now = self._clock()
        elapsed = now - started
        follows = after_attempt(delivery.attempt_no + 1, outcome.failure, self._jitter())
        _tell(delivery.attempt_no + 1, outcome, follows)
        attempt = Attempt(started, int(elapsed.total_seconds() * 1000), outcome.status, outcome.error, outcome.said)
        next_at = now + follows.after if follows.after is not None else None
        state = await self._deliveries.finish(delivery, follows.state, next_at, attempt)
        if state is None:
            return
        self._count(delivery, state, elapsed, now)
        if delivery.attempt_no == 0:
            _judge(delivery, started, outcome)
        if outcome.gone:
            await self._disable(delivery)

    async def _disable(self, delivery: Delivery) -> None:
        parked = await self._endpoints.disable(delivery.workspace, delivery.endpoint_id, "gone")
        ENDPOINTS_DISABLED.inc()
        DELIVERIES.labels(self._channel.name, "parked").inc(parked)
        _log.warning("endpoint_disabled", workspace=delivery.workspace, reason="gone")

    async def _sent(self, delivery: Delivery, at: datetime) -> Outcome:
        try:
            secrets = await self._endpoints.secrets(delivery.workspace, delivery.endpoint_id, at)
            notification = Notification(
                delivery.event_id, delivery.type, delivery.url, delivery.body, secrets, at, traceparent()
            )
            return _taken(await self._channel.send(notification))
        except Busy:
            raise
        except KizashiError as error:
            return _failed(error)
        except Exception as error:
            # What one receiver brings about must never end the deliveries to all others: it is a failed attempt.
            _log.error("delivery_failed", workspace=delivery.workspace, error=error)
            return _failed(Unavailable("unforeseen"))

    def _jitter(self) -> float:
        """From -1 to 1."""
        return int.from_bytes(self._chance(4), "big") / (_STEPS - 1) * 2 - 1

    def _count(self, delivery: Delivery, state: Finished, elapsed: timedelta, now: datetime) -> None:
        outcome = "retried" if state == "waiting" else state
        DELIVERIES.labels(self._channel.name, outcome).inc()
        ATTEMPT_SECONDS.labels(self._channel.name).observe(elapsed.total_seconds())
        if state == "delivered" and delivery.attempt_no == 0:
            seconds = max(0.0, (now - delivery.event_at).total_seconds())
            SCORE_TO_DELIVERED.labels(self._channel.name).observe(seconds, exemplar())


def _judge(delivery: Delivery, started: datetime, outcome: Outcome) -> None:
    """Counts the unit once per delivery, when its first attempt is written down."""
    good = timeliness.is_good(started - delivery.event_at, outcome.blame)
    if good is not None:
        sli_total.labels(timeliness.SLO, "good" if good else "bad").inc()


def _tell(attempt: int, outcome: Outcome, follows: Next) -> None:
    """How the attempt ended, for its trace: codes alone, never what the receiver said or where it is."""
    said: dict[Attribute, str | int] = {Attribute.ATTEMPT: attempt, Attribute.OUTCOME: follows.state}
    if outcome.status is not None:
        said[Attribute.STATUS] = outcome.status
    describe(said, is_failure=outcome.failure is not None)


def _taken(sent: Sent) -> Outcome:
    return Outcome(None, sent.status, None, sent.said)


def _failed(error: KizashiError) -> Outcome:
    """What a failure asks for. A secret that does not open can be mended by the operator, so it is tried again."""
    final = isinstance(error, Rejected)
    crowded = isinstance(error, TimedOut) or (isinstance(error, Refused) and error.crowded)
    retry_after = error.retry_after if isinstance(error, Unavailable) else None
    status = error.status if isinstance(error, Refused | Gone) else None
    said = error.said if isinstance(error, Refused | Gone) else None
    # What a channel raises is the receiver's doing; anything else went wrong before it was asked.
    blame: timeliness.Blame = "receiver" if isinstance(error, Rejected | Unavailable) else "us"
    return Outcome(Failure(final, crowded, retry_after), status, _named(error), said, isinstance(error, Gone), blame)


def _named(error: KizashiError) -> str:
    if isinstance(error, TimedOut):
        return "timeout"
    return error.detail[:200]
