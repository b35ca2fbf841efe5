"""One lane per topic and partition: at most one batch in flight, the next one forming while it is away.

So order per key needs nothing from the broker, a slow partition holds up only those who write to it, and busy times
make large batches by themselves. A send that fails, fails exactly those whose records it carried.

Source: INGEST.md 14.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextvars import Context
from datetime import timedelta
from typing import Final, NamedTuple

from kizashi_common.bus.bus import Producer
from kizashi_common.contracts.envelope import Outgoing
from kizashi_common.errors import Busy

BATCH_BYTES: Final = 262_144
_OVERHEAD: Final = 256
"""What a record weighs beside its value: key, headers, framing."""

Ack = asyncio.Future[None]


class _Waiting(NamedTuple):
    records: Sequence[Outgoing]
    size: int
    ack: Ack


class Answers:
    """What the broker said last, to whichever lane."""

    def __init__(self) -> None:
        self._acknowledged_at: float | None = None
        self._is_refused = False

    def acknowledged(self) -> None:
        """A batch is durable."""
        self._acknowledged_at, self._is_refused = asyncio.get_running_loop().time(), False

    def refused(self) -> None:
        """A batch was not acknowledged in time."""
        self._is_refused = True

    def are_missing(self, patience: timedelta) -> bool:
        """Something was refused, and nothing acknowledged since, for longer than that."""
        if not self._is_refused:
            return False
        if self._acknowledged_at is None:
            return True
        return asyncio.get_running_loop().time() - self._acknowledged_at > patience.total_seconds()


class Lane:
    """The records on their way to one partition."""

    def __init__(self, producer: Producer, topic: str, partition: int, answers: Answers) -> None:
        self._producer = producer
        self._answers = answers
        self._topic = topic
        self._partition = partition
        self._waiting: deque[_Waiting] = deque()
        self.is_sending = False

    def put(self, records: Sequence[Outgoing]) -> list[Ack]:
        """Queues records; each answer completes when its share is acknowledged, or fails with Busy."""
        loop = asyncio.get_running_loop()
        acks: list[Ack] = []
        for share, size in _shares(records):
            ack = loop.create_future()
            self._waiting.append(_Waiting(share, size, ack))
            acks.append(ack)
        return acks

    async def send(self) -> None:
        """Sends batch after batch until nothing waits."""
        self.is_sending = True
        try:
            while self._waiting:
                await self._send(self._next())
        finally:
            self.is_sending = False
            self._abandon()

    async def _send(self, batch: Sequence[_Waiting]) -> None:
        records = [record for waiting in batch for record in waiting.records]
        try:
            await self._producer.send(self._topic, self._partition, records)
        except Busy as error:
            self._answers.refused()
            _fail(batch, error)
        except BaseException:
            _fail(batch, Busy("The process stopped before Kafka acknowledged."))
            raise
        else:
            self._answers.acknowledged()
            for waiting in batch:
                if not waiting.ack.done():
                    waiting.ack.set_result(None)

    def _next(self) -> Sequence[_Waiting]:
        batch = [self._waiting.popleft()]
        size = batch[0].size
        while self._waiting and size + self._waiting[0].size <= BATCH_BYTES:
            batch.append(self._waiting.popleft())
            size += batch[-1].size
        return batch

    def _abandon(self) -> None:
        """Nobody waits for ever: when sending ends in the middle, those who still queue are told."""
        _fail(self._waiting, Busy("The process stopped before Kafka acknowledged."))
        self._waiting.clear()


def _fail(batch: Sequence[_Waiting] | deque[_Waiting], error: Busy) -> None:
    for waiting in batch:
        if not waiting.ack.done():
            waiting.ack.set_exception(Busy(error.detail, retry_after=error.retry_after))


def _shares(records: Sequence[Outgoing]) -> list[tuple[list[Outgoing], int]]:
    """Cut so that one request of thousands of events cannot hold a lane with a single giant batch."""
    shares: list[tuple[list[Outgoing], int]] = []
    share: list[Outgoing] = []
    size = 0
    for record in records:
        weight = len(record.value) + _OVERHEAD
        if share and size + weight > BATCH_BYTES:
            shares.append((share, size))
            share, size = [], 0
        share.append(record)
        size += weight
    if share:
        shares.append((share, size))
    return shares


class Lanes:
    """All lanes of the process. Records are taken while `run` runs."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._lanes: dict[tuple[str, int], Lane] = {}
        self._answers = Answers()
        self._group: asyncio.TaskGroup | None = None

    def partitions(self, topic: str) -> int:
        """How many partitions the topic has."""
        return self._producer.partitions(topic)

    def can_produce(self, patience: timedelta) -> bool:
        """False once nothing was acknowledged for so long, though it was tried: heartbeats try once a round.

        One partition without a leader is no such case: the others go on acknowledging.
        """
        return not self._answers.are_missing(patience)

    async def run(self) -> None:
        """Carries records until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await asyncio.Event().wait()
        finally:
            self._group = None

    def put(self, topic: str, partition: int, records: Sequence[Outgoing]) -> list[Ack]:
        """Hands records to their lane. Raises: Busy before the start and after the end."""
        if self._group is None:
            raise Busy("This process is starting or stopping.")
        place = (topic, partition)
        lane = self._lanes.get(place)
        if lane is None:
            lane = self._lanes[place] = Lane(self._producer, topic, partition, self._answers)
        acks = lane.put(records)
        if not lane.is_sending:
            lane.is_sending = True
            # In a context of its own: a lane outlives the request that started it, and is nobody's trace.
            self._group.create_task(lane.send(), name=f"lane {topic} {partition}", context=Context())
        return acks

    async def drained(self) -> None:
        """Returns when no lane has anything in flight."""
        while any(lane.is_sending for lane in self._lanes.values()):
            await asyncio.sleep(0.01)
