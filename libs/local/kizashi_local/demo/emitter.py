"""Live use after the past: the people whom the stories send to work today, through an unmodified Segment SDK.

Who comes and when is drawn from numbers that are handed in. Silent customers stay silent: they have nobody at work.

Source: OPERATIONS.md 1.6; INGEST.md 3.3.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from importlib import import_module
from types import ModuleType
from typing import Any, Final, NamedTuple

from kizashi_common.errors import Absent
from kizashi_common.telemetry.logging import get_logger
from kizashi_local.demo.chance import Draws
from kizashi_local.demo.stories import FEATURES, at_work, pace_on
from kizashi_local.demo.vendor import customers

_BY_HOUR: Final = (4.0, 4.5, 5.0, 4.5, 4.0, 5.0, 5.0, 4.5, 5.0, 5.0, 4.5, 4.0, 4.0, 4.5, 4.5, 4.0, 3.0, 2.5)
"""Events a second by UTC hour of a weekday, for as long as somebody works in Japan or in Europe."""
_QUIET_RATE: Final = 2.0
_WEEKDAYS: Final = 5
_SIGNS_IN: Final = 0.2
_TRIES: Final = 2
_TIMEOUT_S: Final = 4

_log = get_logger("demo")


class Use(NamedTuple):
    """Somebody uses the product. `feature` None: they signed in."""

    account: str
    user: str
    feature: str | None


class _Worker(NamedTuple):
    account: str
    user: str
    features: int


def rate(now: datetime) -> float:
    """Events a second, by hour and weekday. Units: 2 to 5."""
    is_working = now.weekday() < _WEEKDAYS and now.hour < len(_BY_HOUR)
    return _BY_HOUR[now.hour] if is_working else _QUIET_RATE


class Audience:
    """Who might use the product next. `made_on` is the day on which the demo's past was made."""

    def __init__(self, made_on: date, draws: Draws) -> None:
        self._customers = customers(made_on)
        self._draws = draws
        self._day: date | None = None
        self._workers: list[_Worker] = []

    def pause_s(self, now: datetime) -> float:
        """How long until the next event. Units: seconds."""
        return (0.5 + self._draws.unit()) / rate(now)

    def next(self, now: datetime) -> Use | None:
        """What happens now; None on a day on which nobody works at all."""
        if now.date() != self._day:
            self._day, self._workers = now.date(), self._at_work(now.date())
        if not self._workers:
            return None
        worker = self._draws.one_of(self._workers)
        signs_in = self._draws.unit() < _SIGNS_IN
        return Use(worker.account, worker.user, None if signs_in else self._draws.one_of(FEATURES[: worker.features]))

    def _at_work(self, day: date) -> list[_Worker]:
        return [
            _Worker(customer.external_id, person, pace_on(customer, day).features)
            for customer in self._customers
            for person in at_work(customer, day, ())
        ]


class Emitter:
    """Sends use until it is stopped."""

    def __init__(self, sdk: Any, audience: Audience, clock: Callable[[], datetime]) -> None:
        self._sdk = sdk
        self._audience = audience
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Returns after `stop`, when the SDK has sent what it held."""
        try:
            while not stop.is_set():
                now = self._clock()
                use = self._audience.next(now)
                if use is not None:
                    send(self._sdk, use)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self._audience.pause_s(now))
        finally:
            await asyncio.to_thread(self._sdk.shutdown)


def send(sdk: Any, use: Use) -> None:
    """Tells the SDK, as a customer's product would; it sends by itself, from a thread of its own."""
    if use.feature is None:
        sdk.track(use.user, "Logged In", context={"groupId": use.account})
    else:
        name = f"{use.feature.replace('_', ' ').title()} Used"
        sdk.track(use.user, name, {"feature": use.feature}, {"groupId": use.account})


def segment_module() -> ModuleType:
    """The real `segment-analytics-python`. Raises: Absent when the package is not installed."""
    try:
        return import_module("segment.analytics.client")
    except ModuleNotFoundError as error:
        raise Absent("The demo sends live events with segment-analytics-python: install kizashi[demo].") from error


def segment_sdk(ingest_url: str, server_key: str) -> Any:
    """A client of it, pointed at ingest. It gives up soon: the next event matters more than this one."""
    return segment_module().Client(
        server_key, host=ingest_url, on_error=_dropped, max_retries=_TRIES, timeout=_TIMEOUT_S
    )


def _dropped(error: Any, batch: Any) -> None:
    _log.warning("demo_events_dropped", count=len(batch), error=type(error).__name__)
