"""The demo from an empty workspace to live use: facts, a year of events, a past for scores and rules, then the emitter.

Facts go first, and health has to have read them all, before the first event is sent: a fact is news to rules, and a
score made of half a year's import would be news about a silence that is none.

Source: OPERATIONS.md 1.6; HEALTH.md 11; ALERTS.md 2.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Final, Protocol

import httpx2

from kizashi_common.contracts.commands.health import WorkspaceSettings
from kizashi_common.errors import Busy
from kizashi_local.demo.chance import Draws
from kizashi_local.demo.door import Door
from kizashi_local.demo.emitter import Audience, Emitter, segment_module, segment_sdk
from kizashi_local.demo.facts import facts
from kizashi_local.demo.generator import Event, events
from kizashi_local.demo.vendor import customers, holiday

DEMO_VERSION: Final = 1
"""Rises when the demo's past changes: a data directory keeps the one that it was made with."""
RECONSTRUCTED_DAYS: Final = 90
JUDGED_DAYS: Final = 30

_BATCH: Final = 2_000
_SENDERS: Final = 3
_TOLD_EVERY: Final = 50_000
_POLL_S: Final = 0.25
_TOLD_EVERY_POLLS: Final = 40
_TRIES: Final = 24


class DemoInternal(Protocol):
    """What the demo asks of the services beside sending to ingest; all about the demo's one workspace.

    `reconstruct` and `judge_past` raise Busy when it is too early or one is running: they are then asked again.
    """

    async def describe(self, settings: WorkspaceSettings) -> None:
        """Puts the settings of the workspace in force."""

    async def scored(self) -> int:
        """How many accounts health has evaluated (rows of `account_card`)."""

    async def counted(self) -> int:
        """How many events health is done with: applied, duplicates, dead-lettered and parked together."""

    async def reconstruct(self, days: int) -> None:
        """Writes the scores of the last days (POST `RECONSTRUCTIONS_PATH`)."""

    async def judge_past(self, days: int) -> None:
        """Judges the last days and opens what is true (POST `REPLAYS_PATH`)."""


@dataclass(frozen=True)
class Demo:
    """Where the demo goes, and whom it tells. `server_key` has the right import; `transport` stands for the network."""

    ingest_url: str
    internal: DemoInternal
    server_key: str
    progress: Callable[[str], None]
    clock: Callable[[], datetime]
    transport: httpx2.AsyncBaseTransport | None = None


async def make_past(demo: Demo, day: date) -> None:
    """Returns when the workspace shows a year that ends before `day`, with scores, reasons and alerts.

    Done twice for one day it changes nothing.
    Raises: Absent without the SDK that `live` needs; what `Door.events` raises; Busy when a service stays away.
    """
    segment_module()
    steps = Steps(demo.progress, demo.clock)
    crowd = customers(day)
    await demo.internal.describe(WorkspaceSettings(days_off=holiday(day)))
    async with Door(demo.ingest_url, demo.server_key, demo.transport) as door:
        await door.facts(facts(crowd))
        await _until(demo.internal.scored, len(crowd), "accounts known", steps)
        steps.tell(f"{len(crowd)} accounts with owner, seats, revenue and renewal date")
        before = await demo.internal.counted()
        sent = await send_events(door, events(day), steps)
    await _until(demo.internal.counted, before + sent, "events counted", steps)
    steps.tell(f"{sent:,} events counted")
    await _asked(lambda: demo.internal.reconstruct(RECONSTRUCTED_DAYS))
    steps.tell(f"Scores of the last {RECONSTRUCTED_DAYS} days written")
    await _asked(lambda: demo.internal.judge_past(JUDGED_DAYS))
    steps.tell(f"The last {JUDGED_DAYS} days judged: the demo is ready")


async def live(demo: Demo, made_on: date, stop: asyncio.Event) -> None:
    """Live use through the Segment SDK until `stop`, of the customers of the demo that was made on a day."""
    began = demo.clock()
    audience = Audience(made_on, Draws("live", int(began.timestamp())))
    await Emitter(segment_sdk(demo.ingest_url, demo.server_key), audience, demo.clock).run(stop)


class Steps:
    """Tells how far the demo is, each time with the seconds since its start."""

    def __init__(self, progress: Callable[[str], None], clock: Callable[[], datetime]) -> None:
        self._progress = progress
        self._clock = clock
        self._began = clock()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return (self._clock() - self._began).total_seconds()

    def tell(self, line: str) -> None:
        """One line for people."""
        self._progress(f"Demo, {self.seconds:.0f} s: {line}")


class _Sending:
    """What several senders share: the events still to be sent, and how many are."""

    def __init__(self, coming: Iterable[Event], steps: Steps) -> None:
        self._coming = iter(coming)
        self._steps = steps
        self._began = steps.seconds
        self.sent = 0

    def batches(self) -> Iterator[list[Event]]:
        while batch := list(islice(self._coming, _BATCH)):
            yield batch

    def add(self, count: int) -> None:
        is_news = self.sent // _TOLD_EVERY < (self.sent + count) // _TOLD_EVERY
        self.sent += count
        if is_news:
            rate = self.sent / max(self._steps.seconds - self._began, 1e-3)
            self._steps.tell(f"{self.sent:,} events sent, {rate:,.0f} a second")


async def send_events(door: Door, coming: Iterable[Event], steps: Steps) -> int:
    """Sends all events in their order, a few batches at a time; how many there were.

    Raises: what `Door.events` raises, at the first batch that does.
    """
    sending = _Sending(coming, steps)

    async def sender() -> None:
        for batch in sending.batches():
            await door.events(batch)
            sending.add(len(batch))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_SENDERS):
                group.create_task(sender())
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed
    return sending.sent


async def _until(count: Callable[[], Awaitable[int]], wanted: int, what: str, steps: Steps) -> None:
    """Polls until enough is there and no more comes: what is waited for lies in another service, behind a broker.

    An import that goes on after it was cut short finds the rest of the earlier one still on its way; waiting for the
    end of the rise counts that in.
    """
    polls, before = 0, -1
    while (found := await count()) < wanted or found != before:
        polls, before = polls + 1, found
        if polls % _TOLD_EVERY_POLLS == 0:
            steps.tell(f"{found:,} of {wanted:,} {what}")
        await asyncio.sleep(_POLL_S)


async def _asked(ask: Callable[[], Awaitable[None]]) -> None:
    """Asks again while the service is too busy. Raises: Busy when it stays so."""
    for _ in range(_TRIES - 1):
        try:
            return await ask()
        except Busy as busy:
            await asyncio.sleep(busy.retry_after.total_seconds())
    return await ask()
