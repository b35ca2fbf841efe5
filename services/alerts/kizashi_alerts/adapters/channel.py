"""What every channel is: settings of one place, and one verb that sends a notification there or says why not.

Source: ALERTS.md 11, "Channels".
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from kizashi_common.errors import Rejected, Unavailable


class Notification(NamedTuple):
    """One frozen message for one place. `secrets` are those that may sign now, the newest first."""

    id: str
    type: str
    url: str
    body: bytes
    secrets: tuple[str, ...]
    at: datetime
    traceparent: str | None = None


class Sent(NamedTuple):
    """It was taken. `status` and `said` are what the receiver answered, cut short for the log of attempts."""

    status: int
    said: str


class Refused(Unavailable):
    """The receiver answered that it does not take this now. `crowded`: it asks for air."""

    def __init__(self, status: int, said: str, *, crowded: bool, retry_after: timedelta | None) -> None:
        super().__init__(f"status {status}", retry_after=retry_after)
        self.status = status
        self.said = said
        self.crowded = crowded


class Gone(Rejected):
    """The receiver says that there is no such place any more: nothing is ever sent there again."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"status {status}", code="gone")
        self.status = status
        self.said = said


class Channel(Protocol):
    """Sends. `name` is the one it is counted under."""

    name: str

    async def send(self, notification: Notification) -> Sent:
        """The receiver has it.

        Raises: Rejected when trying again cannot help; Unavailable when it can, with the receiver's own wish for when.
        """
        ...
