"""Clocks one sets: one that stands still, one that goes on from there."""

from __future__ import annotations

import time
from datetime import datetime, timedelta


class SetClock:
    """Answers the instant it was set to, until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> None:
        self.at += by


class GoingClock(SetClock):
    """Goes on at the usual speed from the instant it was set to; for code whose rhythm is under test."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at)
        self._since = time.monotonic()

    def __call__(self) -> datetime:
        return self.at + timedelta(seconds=time.monotonic() - self._since)
