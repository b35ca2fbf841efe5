"""The two round trips: an event into a score, a changed fact into an alert and out of it again.

A round that fails is counted with its reason and logged; the next one comes at its time. Nothing that the product does
ends the canary.

Source: OPERATIONS.md 5 and 6.2.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final, NoReturn, Protocol

from kizashi_cli.canary import metrics
from kizashi_cli.canary.doors import Doors, Failed
from kizashi_cli.canary.plan import (
    ALERT_ACCOUNT,
    RULE,
    Count,
    Status,
    counted_event,
    is_of_its_account,
    past_use,
    score_account,
    stated,
)
from kizashi_common.telemetry.logging import get_logger

_LOOK: Final = timedelta(milliseconds=500)
_log = get_logger("canary")


@dataclass(frozen=True)
class Time:
    """The clock, and how to wait for it."""

    now: Callable[[], datetime]
    wait: Callable[[timedelta], Awaitable[None]]


class Leg(Protocol):
    """One kind of round trip."""

    name: metrics.Leg

    async def round(self) -> timedelta:
        """One round trip, and how long it took. Raises: Failed."""
        ...


@dataclass(frozen=True)
class Pace:
    """How often a round begins, and how long one waits for an effect."""

    every: timedelta
    patience: timedelta


async def keep_going(leg: Leg, pace: Pace, time: Time) -> NoReturn:
    """Round after round, each at its time, or at once when the one before took longer."""
    while True:
        began = time.now()
        await one_round(leg, time)
        await time.wait(max(began + pace.every - time.now(), timedelta()))


async def one_round(leg: Leg, time: Time) -> None:
    """A round with its metrics."""
    try:
        took = await leg.round()
    except Failed as failure:
        metrics.failures_total.labels(leg.name, failure.counted_as).inc()
        _log.warning("canary_round_failed", worker=leg.name, reason=failure.counted_as, detail=failure.detail)
        return
    metrics.roundtrip_seconds.labels(leg.name).observe(took.total_seconds())
    metrics.last_success_timestamp_seconds.labels(leg.name).set(time.now().timestamp())


async def until(look: Callable[[], Awaitable[bool]], patience: timedelta, time: Time, wanted: str) -> None:
    """Looks until it is so. A door that refuses may be well again at the next look; one that says never ends it.

    Raises: Failed, with the reason of the last look: `timeout` where the doors answered and it was not so.
    """
    deadline, last = time.now() + patience, Failed("timeout", f"{wanted}: not seen within {patience}")
    while True:
        try:
            if await look():
                return
            failure = last
        except Failed as refusal:
            if refusal.is_final or refusal.counted_as == "wrong":
                raise
            failure = refusal
        if time.now() >= deadline:
            raise failure
        await time.wait(_LOOK)


@dataclass
class ScoreLeg:
    """Sends the next numbered event and waits until the account's signals show its number."""

    doors: Doors
    time: Time
    patience: timedelta
    name: metrics.Leg = "score"
    _count: Count | None = None
    _unanswered: Mapping[str, object] | None = None

    async def round(self) -> timedelta:
        """One event."""
        began = self.time.now()
        count = await self._begun(score_account(began))
        # Sent again as it was: with another day in it, it would be remembered as another event.
        event = self._unanswered or counted_event(count.account, count.next, began)
        self._unanswered = event
        await self.doors.send_events([event])
        self._unanswered = None
        self._count = count = replace(count, accepted=count.next)
        await until(lambda: self._shows(count), self.patience, self.time, f"event {count.accepted}")
        return self.time.now() - began

    async def _begun(self, account: str) -> Count:
        """How far it is before the next event, which must not be counted yet, or seeing it would prove nothing."""
        if self._count is not None and self._count.account == account:
            if self._unanswered is None:
                await self._shows(self._count)
            return self._count
        self._unanswered = None
        self._count = Count(account, await self.doors.counted(account))
        return self._count

    async def _shows(self, count: Count) -> bool:
        shown = await self.doors.counted(count.account)
        judgement = count.judged(shown)
        if judgement == "waiting":
            return False
        self._count = count.after(shown)
        if judgement == "wrong":
            raise Failed("wrong", f"{shown} events are counted, {count.accepted} were sent")
        return True


@dataclass
class AlertLeg:
    """Makes the account a customer and waits for its alert, then pauses it and waits until the alert is closed."""

    doors: Doors
    time: Time
    patience: timedelta
    name: metrics.Leg = "alert"
    _prepared_on: date | None = None

    async def round(self) -> timedelta:
        """Both changes. The time is that of the slower one."""
        await self._prepare()
        return max(await self._switch("live"), await self._switch("paused"))

    async def _prepare(self) -> None:
        """A round begins with a paused account that has a past, and without what a failed round left open."""
        today = self.time.now().date()
        if self._prepared_on == today and not await self._is_open():
            return
        await self._switch("paused")
        if self._prepared_on != today:
            # After the fact: an account that is not paused yet would have its alert before anybody asked for it.
            await self.doors.send_events(past_use(self.time.now()))
            self._prepared_on = today

    async def _switch(self, status: Status) -> timedelta:
        began = self.time.now()
        await self.doors.send_facts([stated(status, began)])
        wanted = status == "live"

        async def is_so() -> bool:
            return await self._is_open() == wanted

        await until(is_so, self.patience, self.time, f"the alert is {'open' if wanted else 'closed'}")
        return self.time.now() - began

    async def _is_open(self) -> bool:
        alerts = await self.doors.open_alerts(ALERT_ACCOUNT)
        if not all(is_of_its_account(alert) for alert in alerts):
            raise Failed("wrong", f"the alerts of {ALERT_ACCOUNT} hold one of another account")
        return any(alert.get("rule") == RULE for alert in alerts)
