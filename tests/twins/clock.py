"""A clock one sets."""

from __future__ import annotations

from datetime import datetime, timedelta


class SetClock:
    """Answers the instant it was set to, until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> None:
        self.at += by
