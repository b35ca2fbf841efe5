"""Messages of a single writer, sent by the slot's owner after the commit that made them.

Sequence numbers come from the writer, so they are dense and in commit order: a shared sequence polled by `id > last`
loses the rows of slow committers. A crash between acknowledgement and the next flush repeats messages under the same
number; readers drop what they have seen. Nothing is sent before its commit.

Source: HEALTH.md 10, "Outbox and relay".
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from kizashi_common.bus.bus import Producer
from kizashi_common.contracts.envelope import Outgoing
from kizashi_common.contracts.partitioning import partition_of
from kizashi_common.telemetry.failpoints import failpoint
from kizashi_common.telemetry.trace_records import Sent


class Numbered(NamedTuple):
    """One message with its place in the slot's outbox."""

    seq: int
    message: Outgoing


class SlotOutbox:
    """What one slot has committed and not yet seen acknowledged."""

    def __init__(
        self, producer: Producer, topic: str, pending: Sequence[Numbered], published_through: int, service: str = ""
    ) -> None:
        self._producer = producer
        self._topic = topic
        self.service = service
        self._pending = list(pending)
        self.published_through = published_through

    def committed(self, messages: Sequence[Numbered]) -> None:
        """These are in the database now, and may be sent."""
        self._pending.extend(messages)

    @property
    def waiting(self) -> int:
        """How many messages are not acknowledged yet."""
        return len(self._pending)

    async def publish(self) -> None:
        """Sends what waits, in order per partition.

        Raises: Busy when the broker did not acknowledge: everything is kept and sent again next time.
        """
        if not self._pending:
            return
        sent = list(self._pending)
        with Sent(self.service, self._topic, [numbered.message for numbered in sent]) as messages:
            await self._send(messages)
        failpoint("relay.acknowledged")
        self._pending = self._pending[len(sent) :]
        self.published_through = sent[-1].seq

    async def _send(self, messages: Sequence[Outgoing]) -> None:
        count = self._producer.partitions(self._topic)
        lanes: dict[int, list[Outgoing]] = defaultdict(list)
        for message in messages:
            lanes[partition_of(message.key or b"", count)].append(message)
        sends = (self._producer.send(self._topic, lane, batch) for lane, batch in lanes.items())
        # Every send has ended before any is repeated: two of one lane in flight could change places.
        for outcome in await asyncio.gather(*sends, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
