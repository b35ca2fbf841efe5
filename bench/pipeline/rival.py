"""The same records through the broker alone: how fast Python can carry them to Kafka and back, and nothing else.

This is the ceiling for anything that takes events into a log and reads them out again in one process: batches made by
hand and acknowledged by the broker, partitions as the product chose them, read with `getmany`. It decodes nothing,
counts nothing, keeps nothing.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

EVENTS = "kizashi.events.v1"
BATCH_BYTES = 262_144
MOST = 5_000


@dataclass(frozen=True)
class Carried:
    """Units: records per second; `cpu_us` microseconds of this process's CPU per record."""

    records: int
    per_second: float
    cpu_us: float


Record = tuple[int, bytes | None, bytes, list[tuple[str, bytes]]]


async def recorded(bootstrap: str, most: int) -> list[Record]:
    """The latest records that the product wrote, at most so many, in the order of their partitions."""
    consumer = AIOKafkaConsumer(EVENTS, bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = sorted(consumer.assignment())
        ends = await consumer.end_offsets(partitions)
        starts = {tp: max(0, ends[tp] - most // len(partitions)) for tp in partitions}
        for tp, start in starts.items():
            consumer.seek(tp, start)
        found: list[Record] = []
        while len(found) < sum(ends[tp] - start for tp, start in starts.items()):
            batch = await consumer.getmany(timeout_ms=2_000, max_records=MOST)
            found += [(tp.partition, r.key, r.value, [*r.headers]) for tp, records in batch.items() for r in records]
        return found
    finally:
        await consumer.stop()


async def carry(bootstrap: str, records: list[Record], topic: str, *, volatile: bool) -> Carried:
    """Sends the records to a new topic and reads them back meanwhile. `volatile`: that broker has no producer ids."""
    count = 1 + max(partition for partition, *_ in records)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, count, 1, topic_configs={"message.timestamp.type": "LogAppendTime"})])
    await admin.close()
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", compression_type="zstd", max_batch_size=1_048_576,
        enable_idempotence=not volatile,
    )  # fmt: skip
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, fetch_max_wait_ms=250)
    await producer.start()
    await consumer.start()
    try:
        await producer.partitions_for(topic)
        consumer.assign([TopicPartition(topic, p) for p in range(count)])
        for p in range(count):
            consumer.seek(TopicPartition(topic, p), 0)
        return await _timed(producer, consumer, records, topic)
    finally:
        await consumer.stop()
        await producer.stop()


async def _timed(producer: AIOKafkaProducer, consumer: AIOKafkaConsumer, records: list[Record], topic: str) -> Carried:
    began, cpu = time.monotonic(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for partition in sorted({partition for partition, *_ in records}):
            group.create_task(_send(producer, [r for r in records if r[0] == partition], topic))
        group.create_task(_read(consumer, len(records)))
    seconds = time.monotonic() - began
    return Carried(len(records), len(records) / seconds, 1e6 * (time.process_time() - cpu) / len(records))


async def _send(producer: AIOKafkaProducer, records: list[Record], topic: str) -> None:
    at = 0
    while at < len(records):
        batch = producer.create_batch()
        size = 0
        while at < len(records) and size < BATCH_BYTES:
            _, key, value, headers = records[at]
            if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
                break
            size += len(value)
            at += 1
        batch.close()
        await (await producer.send_batch(batch, topic, partition=records[0][0]))


async def _read(consumer: AIOKafkaConsumer, wanted: int) -> None:
    read = 0
    while read < wanted:
        for records in (await consumer.getmany(timeout_ms=200, max_records=MOST)).values():
            read += len(records)
