"""The bus as the rest of the code sees it: ordered partitions, offsets, and acknowledged sends.

Two implementations: `kafka.py`, and the twin in `tests/twins`, held to one suite of laws (`tests/laws/bus.py`).
A consumer reads one topic. Correctness never lives in its listener: records of a partition that is not live are
dropped by the runner (HEALTH.md 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from kizashi_common.contracts.envelope import Outgoing, Record


class Producer(Protocol):
    """Sends batches, and returns only when they are as durable as the broker makes them."""

    def partitions(self, topic: str) -> int:
        """How many partitions the topic has. Raises: Absent for a topic the broker does not know."""
        ...

    async def send(self, topic: str, partition: int, records: Sequence[Outgoing]) -> None:
        """All records are acknowledged by every in-sync replica, in the order given.

        The caller keeps one send per partition in flight, so order holds without idempotence too.
        Raises: Busy when the broker did not acknowledge in time: the records may or may not be in the log.
        """
        ...


class Listener(Protocol):
    """Told when partitions come and go."""

    async def assigned(self, partitions: frozenset[int]) -> None:
        """These are ours from now on, and paused: nothing is delivered before `seek` and `resume`."""
        ...

    async def revoked(self, partitions: frozenset[int]) -> None:
        """These are about to leave; returns when their state is flushed and dropped."""
        ...


class Extent(NamedTuple):
    """What a partition's log holds now: offsets `first` (inclusive) to `end` (exclusive)."""

    first: int
    end: int


class Consumer(Protocol):
    """Reads one topic as a member of a group. Offsets to start from are always given by `seek`."""

    async def start(self, listener: Listener) -> None:
        """Joins the group; the listener is told of partitions from now on."""
        ...

    async def stop(self) -> None:
        """Leaves; stopping twice is harmless."""
        ...

    async def cluster_id(self) -> str:
        """Names the log: another id is another log, whatever its offsets say."""
        ...

    def assignment(self) -> frozenset[int]:
        """The partitions that are ours."""
        ...

    async def extent(self, partition: int) -> Extent:
        """The offsets that the log holds."""
        ...

    async def read_one(self, partition: int, offset: int) -> Record | None:
        """The record at that very offset, or None when it has aged out. For comparing the anchor only."""
        ...

    def seek(self, partition: int, offset: int) -> None:
        """The next fetch of the partition starts at this offset."""
        ...

    def pause(self, partitions: Iterable[int]) -> None:
        """No records of these until resumed."""
        ...

    def resume(self, partitions: Iterable[int]) -> None:
        """Records of these again."""
        ...

    async def fetch(self, within: timedelta, most: int) -> Mapping[int, Sequence[Record]]:
        """The next records per partition, at most `most` in all, in order; empty after `within`."""
        ...

    def high_water(self, partition: int) -> int | None:
        """The end of the log as the last fetch answer saw it; None before the first answer."""
        ...

    def last_answer(self, partition: int) -> datetime | None:
        """When the broker last answered a fetch of this partition, with or without records."""
        ...

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Publishes next offsets for lag tools; nobody reads them back (HEALTH.md 1)."""
        ...
