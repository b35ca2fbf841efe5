"""The canary wired: its doors, the real clock, and one worker for each leg, as a service like the others.

Source: OPERATIONS.md 5; decision 9.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from kizashi_cli.canary import metrics
from kizashi_cli.canary.doors import Doors
from kizashi_cli.canary.legs import AlertLeg, Leg, Pace, ScoreLeg, Time, keep_going
from kizashi_cli.canary.settings import CanarySettings
from kizashi_common.runtime.compose import clock
from kizashi_common.runtime.service import Routes, Service, Worker

NAME: Final = "canary"


async def wait(span: timedelta) -> None:
    """Lets real time pass."""
    await asyncio.sleep(span.total_seconds())


def compose(settings: CanarySettings, doors: Doors) -> Service:
    """The canary: it has no routes, and is ready as long as it runs, whatever it sees."""
    time = Time(clock, wait)
    score_pace = Pace(*_spans(settings.canary_score_every_seconds, settings.canary_score_wait_seconds))
    alert_pace = Pace(*_spans(settings.canary_alert_every_seconds, settings.canary_alert_wait_seconds))
    workers = (
        _worker(ScoreLeg(doors, time, score_pace.patience), score_pace, time),
        _worker(AlertLeg(doors, time, alert_pace.patience), alert_pace, time),
    )
    metrics.begin(clock().timestamp())
    return Service(NAME, Routes(), workers)


def _worker(leg: Leg, pace: Pace, time: Time) -> Worker:
    return Worker(leg.name, lambda: keep_going(leg, pace, time))


def _spans(every: float, patience: float) -> tuple[timedelta, timedelta]:
    return timedelta(seconds=every), timedelta(seconds=patience)
