"""Before a slot goes live: is this the log that was read before, and does it still hold what comes next?

Nothing restarts at zero or skips silently: a person has to allow it, for this incarnation and for a short time. What is
sent again meets the dedupe marks.

Source: HEALTH.md 3; decision 0046.
"""

from __future__ import annotations

from enum import Enum

from kizashi_common.bus.bus import Consumer
from kizashi_common.errors import Busy, LogGap, LogReset
from kizashi_common.stream.shapes import Claim
from kizashi_common.stream.slot import anchor_hash


class Finding(Enum):
    """What the comparison says."""

    SAME = "same"
    FIRST = "first"
    REPLACED = "replaced"


async def compare(consumer: Consumer, claim: Claim, cluster_id: str, *, replaceable: bool) -> tuple[Finding, int]:
    """Compares claim and log; the offset goes with the finding: where to read on, or where a new log begins.

    `replaceable`: the broker is known to forget (profile `volatile`), so a new log is adopted as a new incarnation.
    Raises: LogReset, LogGap: the partition stops until a person looks. Busy: nothing can be said now.
    """
    replaceable = replaceable or claim.may_reset
    extent = await consumer.extent(claim.partition)
    if claim.fresh:
        return Finding.FIRST, extent.first
    if claim.cluster_id != cluster_id:
        return _replaced(extent.first, "The cluster id is another one.", replaceable=replaceable)
    if extent.end < claim.next_offset:
        return _replaced(extent.first, "The log ends before what was applied.", replaceable=replaceable)
    if extent.first > claim.next_offset and claim.may_skip:
        return Finding.REPLACED, extent.first
    if extent.first > claim.next_offset:
        raise LogGap(f"{extent.first - claim.next_offset} records were dropped before they were read.")
    if claim.anchor_offset is not None and claim.anchor_offset >= extent.first:
        anchor = await _anchor(consumer, claim.partition, claim.anchor_offset)
        if anchor != claim.anchor_hash:
            return _replaced(extent.first, "The last applied record is another one now.", replaceable=replaceable)
    return Finding.SAME, claim.next_offset


async def _anchor(consumer: Consumer, partition: int, offset: int) -> bytes:
    record = await consumer.read_one(partition, offset)
    if record is None:
        # Retention may have moved on, or the broker is slow: what was not read proves nothing.
        raise Busy("The last applied record could not be read.", code="anchor_unread")
    return anchor_hash(record)


def _replaced(first: int, why: str, *, replaceable: bool) -> tuple[Finding, int]:
    if not replaceable:
        raise LogReset(why)
    return Finding.REPLACED, first
