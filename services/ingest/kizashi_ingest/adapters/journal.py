"""Where accepted records become durable: written means that every in-sync replica has them.

Source: INGEST.md 1.1 and 14. A spool for the time when Kafka is late finds its place here.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta

from kizashi_common.contracts.envelope import Outgoing
from kizashi_common.contracts.partitioning import partition_of
from kizashi_common.errors import Busy
from kizashi_ingest.adapters.lanes import Ack, Lanes
from kizashi_ingest.domain.intake import Destined


class Journal:
    """Writes the records of requests, and of heartbeats behind them."""

    def __init__(self, lanes: Lanes, patience: timedelta) -> None:
        self._lanes = lanes
        self._patience = patience.total_seconds()

    async def write(self, records: Sequence[Destined], settled: Callable[[], None]) -> None:
        """All records are acknowledged.

        Args: `settled` is called once, when the fate of every record is known: it may be later than this returns,
        since the log may still take what a caller no longer waits for.
        Raises: Busy when Kafka refused some of them, or did not acknowledge in time.
        """
        acks = self._put(records, settled)
        if not acks:
            settled()
            return
        both = asyncio.gather(*acks, return_exceptions=True)
        both.add_done_callback(lambda _: settled())
        try:
            async with asyncio.timeout(self._patience):
                found = await asyncio.shield(both)
        except TimeoutError as error:
            raise Busy("Kafka did not acknowledge in time.") from error
        failed = next((error for error in found if error is not None), None)
        if failed is not None:
            raise failed

    def _put(self, records: Sequence[Destined], settled: Callable[[], None]) -> list[Ack]:
        acks: list[Ack] = []
        try:
            for (topic, partition), share in self._by_lane(records).items():
                acks += self._lanes.put(topic, partition, share)
        except BaseException:
            settled()
            raise
        return acks

    def _by_lane(self, records: Sequence[Destined]) -> dict[tuple[str, int], list[Outgoing]]:
        by_lane: dict[tuple[str, int], list[Outgoing]] = defaultdict(list)
        counts: dict[str, int] = {}
        for topic, record in records:
            count = counts.get(topic) or counts.setdefault(topic, self._lanes.partitions(topic))
            by_lane[topic, partition_of(record.key or b"", count)].append(record)
        return by_lane

    async def write_to_all(self, topic: str, record: Outgoing) -> None:
        """The record is acknowledged in every partition, behind all that was written there before.

        Raises: Busy.
        """
        acks: list[Ack] = []
        for partition in range(self._lanes.partitions(topic)):
            acks += self._lanes.put(topic, partition, [record])
        for found in await asyncio.gather(*acks, return_exceptions=True):
            if found is not None:
                raise found
