"""Brings one partition up: its rows are claimed, the log is compared with what they remember, its engine is opened.

Source: HEALTH.md 1 and 3.
"""

from __future__ import annotations

from typing import Any

from kizashi_common.stream.attach import Finding, compare
from kizashi_common.stream.shapes import F, K, R
from kizashi_common.stream.slot import Slot
from kizashi_common.stream.slot_outbox import SlotOutbox
from kizashi_common.stream.stream import Stream
from kizashi_common.telemetry.logging import get_logger


async def bring_up(stream: Stream[K, R, F], partition: int, cluster: str) -> Slot[K, R, F]:
    """The partition's slot, claimed under a new epoch; `cluster` names the log that is there now.

    Raises: LogReset or LogGap when the log is not the one that was counted; Fenced when another claims it at the same
    time; Busy when the broker or PostgreSQL is away.
    """
    claim = await stream.ledger.claim(partition, stream.producer.partitions(stream.topic), stream.topic)
    finding, offset = await compare(stream.consumer, claim, cluster, replaceable=stream.replaceable)
    if finding is not Finding.SAME:

        async def tell(connection: Any) -> None:
            await stream.store.log_replaced(connection, claim)

        replaced = finding is Finding.REPLACED
        claim = await stream.ledger.adopt(claim, cluster, offset, replaced=replaced, write=tell)
    unpublished = await stream.ledger.unpublished(claim)
    outbox = SlotOutbox(stream.producer, stream.sends_to, unpublished, claim.published_through, stream.service)
    slot = Slot(claim, await stream.store.open(claim), stream.store, outbox, stream.committed)
    slot.loaded(stream.clock())
    log = get_logger(stream.service)
    log.info(
        "slot_loaded",
        topic=stream.topic,
        partition=partition,
        offset=offset,
        epoch=claim.epoch,
        found=finding.value,
    )
    return slot
