"""What is numbered is frozen: one delivery per event and endpoint, with the bytes that the topic carries too.

Source: ALERTS.md 11.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from kizashi_alerts.adapters.deliveries import Deliveries
from kizashi_common.contracts import alerts as contract
from kizashi_common.stream.shared_outbox import Numbered


def stamped(body: bytes, position: int) -> bytes:
    """An event's body with its position in it."""
    event = contract.decode(body)
    return contract.encode(msgspec.structs.replace(event, data=msgspec.structs.replace(event.data, position=position)))


class Dispatch:
    """Runs in the relay's numbering transaction, so that each event reaches every live endpoint, whatever crashes."""

    def __init__(self, deliveries: Deliveries, clock: Callable[[], datetime]) -> None:
        self._deliveries = deliveries
        self._clock = clock

    async def __call__(self, connection: Any, numbered: Sequence[Numbered]) -> None:
        """Freezes deliveries."""
        await self._deliveries.freeze(connection, numbered, self._clock())
