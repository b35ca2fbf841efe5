"""The bus over Apache Kafka: the only file that knows aiokafka.

Every rule of HEALTH.md 4 that concerns the client lives here: pause before anything else when partitions arrive, no
deserializers, explicit offsets only, batches built by hand (`send()` costs ten times as much), a producer that is
built anew after a fault that it cannot heal.

Source: HEALTH.md 4; INGEST.md 14.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from kizashi_common.bus.bus import Extent, Listener
from kizashi_common.bus.kafka_settings import KafkaSettings
from kizashi_common.bus.meter import ProducerMeter
from kizashi_common.bus.topic_plan import Found, TopicPlan, count_faults, drift_faults
from kizashi_common.contracts.envelope import Outgoing, Record
from kizashi_common.contracts.topics import MAX_VALUE_BYTES, Topic
from kizashi_common.errors import Absent, Busy, Fault, Invalid
from kizashi_common.telemetry import metrics

_SEND_TIMEOUT_MS: Final = 4_000
_FAREWELL_S: Final = 5.0
_LOOKS: Final = 10
_BETWEEN_LOOKS_S: Final = 0.2
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class KafkaProducer:
    """`bus.Producer` over aiokafka: acks=all, zstd, one hand-made batch per call and partition."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._client: AIOKafkaProducer | None = None
        self._partitions: dict[str, int] = {}
        self._building = asyncio.Lock()
        self._meter = ProducerMeter(settings.service)

    async def start(self, topics: Iterable[str]) -> None:
        """Connects, and learns how many partitions these topics have. Raises: Busy, Absent."""
        client = await self._ready()
        for topic in topics:
            found = await client.partitions_for(topic)
            if not found:
                raise Absent(f"The broker has no topic {topic}; run `kizashi migrate`.")
            self._partitions[topic] = len(found)

    def partitions(self, topic: str) -> int:
        try:
            return self._partitions[topic]
        except KeyError:
            raise Absent(f"Topic {topic} was not announced at start.") from None

    async def send(self, topic: str, partition: int, records: Sequence[Outgoing]) -> None:
        with self._meter.sending(topic, records):
            await self._send(topic, partition, records)

    async def _send(self, topic: str, partition: int, records: Sequence[Outgoing]) -> None:
        client = await self._ready()
        waiting = 0
        try:
            while waiting < len(records):
                batch = client.create_batch()
                while waiting < len(records):
                    record = records[waiting]
                    if (
                        batch.append(key=record.key, value=record.value, timestamp=None, headers=[*record.headers])
                        is None
                    ):
                        break
                    waiting += 1
                batch.close()
                async with asyncio.timeout(_SEND_TIMEOUT_MS / 1000 + 1):
                    await (await client.send_batch(batch, topic, partition=partition))
        except (KafkaError, TimeoutError, OSError) as error:
            await self._drop(client)
            raise Busy("Kafka did not acknowledge in time.") from error

    async def stop(self) -> None:
        """Disconnects; what was acknowledged stays acknowledged."""
        if self._client is not None:
            await self._drop(self._client)

    async def _ready(self) -> AIOKafkaProducer:
        async with self._building:
            if self._client is None:
                client = AIOKafkaProducer(
                    **self._settings.client(),
                    acks="all",
                    compression_type="zstd",
                    max_batch_size=MAX_VALUE_BYTES,
                    request_timeout_ms=_SEND_TIMEOUT_MS,
                    enable_idempotence=not self._settings.volatile,
                )
                try:
                    await client.start()
                except (KafkaError, OSError) as error:
                    with suppress(Exception):
                        await client.stop()
                    raise Busy("Kafka cannot be reached.") from error
                self._client = client
            return self._client

    async def _drop(self, client: AIOKafkaProducer) -> None:
        # Some faults never heal inside one producer (OutOfOrderSequenceNumber, NodeNotReady): take a new one.
        if self._client is client:
            self._client = None
        with suppress(Exception):
            async with asyncio.timeout(2):
                await client.stop()


class _Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, consumer: AIOKafkaConsumer, listener: Listener) -> None:
        self._consumer = consumer
        self._listener = listener

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        # First of all, before any await: fetching has already begun, from wherever (HEALTH.md 4).
        self._consumer.pause(*assigned)
        await self._listener.assigned(frozenset(tp.partition for tp in assigned))

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._listener.revoked(frozenset(tp.partition for tp in revoked))


class KafkaConsumer:
    """`bus.Consumer` over aiokafka: one topic, a static member of a group, offsets by `seek` alone."""

    def __init__(self, settings: KafkaSettings, topic: str, group: str, member: str | None) -> None:
        self._settings = settings
        self._topic = topic
        self._group = group
        self._member = None if settings.volatile else member
        self._made: AIOKafkaConsumer | None = None

    @property
    def _client(self) -> AIOKafkaConsumer:
        assert self._made is not None, "start() comes first"
        return self._made

    async def start(self, listener: Listener) -> None:
        self._made = AIOKafkaConsumer(
            **self._settings.client(),
            group_id=self._group,
            group_instance_id=self._member,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=(StickyPartitionAssignor,),
            session_timeout_ms=_ms(self._settings.session_timeout),
            heartbeat_interval_ms=_ms(self._settings.heartbeat),
            rebalance_timeout_ms=60_000,
            max_poll_interval_ms=300_000,
            max_partition_fetch_bytes=2 * 1_048_576,
            fetch_max_wait_ms=250,
        )
        try:
            await self._client.start()
        except (KafkaError, OSError) as error:
            await self.stop()
            raise Busy("Kafka cannot be reached.") from error
        self._client.subscribe([self._topic], listener=_Rebalance(self._client, listener))

    async def stop(self) -> None:
        if self._made is not None:
            client, self._made = self._made, None
            # A broker that is frozen answers no farewell; who ends because of that must not wait for it.
            with suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL_S):
                    await client.stop()

    async def cluster_id(self) -> str:
        admin = AIOKafkaAdminClient(**self._settings.client())
        try:
            await admin.start()
            return str((await admin.describe_cluster())["cluster_id"])
        except (KafkaError, OSError) as error:
            raise Busy("Kafka cannot be reached.") from error
        finally:
            await admin.close()

    def assignment(self) -> frozenset[int]:
        # Probes ask at any time, also of one that has ended.
        return frozenset(tp.partition for tp in self._made.assignment()) if self._made else frozenset()

    async def extent(self, partition: int) -> Extent:
        tp = self._tp(partition)
        async with _Probe(self._settings, tp) as probe:
            first = int((await probe.beginning_offsets([tp]))[tp])
            probe.seek(tp, first)
            # ListOffsets(latest) is wrong on some brokers; the high-water mark of a fetch answer is not.
            for _ in range(500):
                # Short, because it lasts that long when the partition is empty.
                await probe.getmany(tp, timeout_ms=20, max_records=1)
                if probe.highwater(tp) is not None:
                    return Extent(first, int(probe.highwater(tp)))
        raise Busy("Kafka did not tell the end of a partition.")

    async def read_one(self, partition: int, offset: int) -> Record | None:
        tp = self._tp(partition)
        async with _Probe(self._settings, tp) as probe:
            if int((await probe.beginning_offsets([tp]))[tp]) > offset:
                return None
            probe.seek(tp, offset)
            found = await probe.getmany(tp, timeout_ms=2_000, max_records=1)
            records = found.get(tp, ())
            return _record(records[0]) if records and records[0].offset == offset else None

    def seek(self, partition: int, offset: int) -> None:
        self._client.seek(self._tp(partition), offset)

    def pause(self, partitions: Iterable[int]) -> None:
        self._client.pause(*self._ours(partitions))

    def resume(self, partitions: Iterable[int]) -> None:
        self._client.resume(*self._ours(partitions))

    async def fetch(self, within: timedelta, most: int) -> Mapping[int, Sequence[Record]]:
        try:
            found = await self._client.getmany(timeout_ms=_ms(within), max_records=most)
        except (KafkaError, OSError) as error:
            raise Busy("Kafka did not answer a fetch.") from error
        return {tp.partition: [_record(record) for record in records] for tp, records in found.items()}

    def high_water(self, partition: int) -> int | None:
        tp = self._tp(partition)
        return self._client.highwater(tp) if tp in self._client.assignment() else None

    def last_answer(self, partition: int) -> datetime | None:
        tp = self._tp(partition)
        if tp not in self._client.assignment():
            return None
        milliseconds = self._client.last_poll_timestamp(tp)
        return None if not milliseconds else _instant(milliseconds)

    async def commit(self, offsets: Mapping[int, int]) -> None:
        known = {self._tp(p): offset for p, offset in offsets.items() if self._tp(p) in self._client.assignment()}
        if known:
            try:
                await self._client.commit(known)
            except KafkaError:
                # Advisory only: a refusal in the middle of a rebalance loses nothing.
                metrics.consumer_commit_failures_total.labels(self._settings.service).inc()

    def _tp(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)

    def _ours(self, partitions: Iterable[int]) -> list[TopicPartition]:
        assigned = self._client.assignment()
        return [tp for tp in map(self._tp, partitions) if tp in assigned]


class _Probe:
    """A throw-away consumer outside the group, for looking at one partition."""

    def __init__(self, settings: KafkaSettings, tp: TopicPartition) -> None:
        self._settings = settings
        self._tp = tp

    async def __aenter__(self) -> Any:
        self._client = AIOKafkaConsumer(
            **self._settings.client("-probe"),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=10,
        )
        try:
            await self._client.start()
        except (KafkaError, OSError) as error:
            await self._client.stop()
            raise Busy("Kafka cannot be reached.") from error
        self._client.assign([self._tp])
        return self._client

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        await self._client.stop()
        if isinstance(error, KafkaError | OSError):
            raise Busy("Kafka did not tell of a partition.") from error


async def ensure_topics(
    settings: KafkaSettings, topics: Iterable[Topic], plan: TopicPlan, *, manage: bool = True
) -> None:
    """Creates the topics that are missing; without `manage` creates nothing and looks at copies and settings as well.

    Raises: Invalid naming every topic that is not as planned; Busy when Kafka cannot be reached.
    """
    wanted = list(topics)
    admin = AIOKafkaAdminClient(**settings.client("-migrate"))
    try:
        await admin.start()
        if manage:
            await _create(admin, wanted, plan)
        found = await _found(admin, wanted, plan, with_settings=not manage)
    except (KafkaError, OSError) as error:
        raise Busy("Kafka cannot be reached.") from error
    finally:
        await admin.close()
    faults = [*count_faults(plan, wanted, found), *([] if manage else drift_faults(plan, wanted, found))]
    if faults:
        raise _unfit(faults)


def _unfit(faults: Sequence[Fault]) -> Invalid:
    said = "; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults)
    return Invalid(f"The topics are not as they must be: {said}", faults=tuple(faults), code=faults[0].code)


async def _create(admin: AIOKafkaAdminClient, wanted: Sequence[Topic], plan: TopicPlan) -> None:
    present = set(await admin.list_topics())
    missing = [topic for topic in wanted if topic.name not in present]
    if not missing:
        return
    answer = await admin.create_topics(
        [
            NewTopic(topic.name, plan.count(topic), plan.replication, topic_configs=plan.config(topic))
            for topic in missing
        ]
    )
    refused = [
        Fault(name, "refused", f"the broker does not make it: {message or for_code(code).__name__}")
        for name, code, message in answer.topic_errors
        if code not in (0, TopicAlreadyExistsError.errno)
    ]
    if refused:
        raise _unfit(refused)


async def _found(
    admin: AIOKafkaAdminClient, wanted: Sequence[Topic], plan: TopicPlan, *, with_settings: bool
) -> dict[str, Found]:
    """The topics that are there. New ones need a moment until every broker knows them, so it looks a few times."""
    names = [topic.name for topic in wanted]
    configs = await _configs(admin, names) if with_settings else {}
    found: dict[str, Found] = {}
    for _ in range(_LOOKS):
        found = {
            item["topic"]: Found(
                len(item["partitions"]),
                min(len(partition["replicas"]) for partition in item["partitions"]),
                configs.get(item["topic"], {}),
            )
            for item in await admin.describe_topics(names)
            if item["partitions"]
        }
        if not any(count_faults(plan, wanted, found)):
            break
        await asyncio.sleep(_BETWEEN_LOOKS_S)
    return found


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    return {
        name: {entry[0]: entry[1] for entry in entries}
        for answer in answers
        for _, _, _, name, entries in answer.resources
    }


def _record(record: Any) -> Record:
    return Record(
        record.topic,
        record.partition,
        record.offset,
        _instant(record.timestamp),
        record.key,
        record.value if record.value is not None else b"",
        tuple(record.headers),
    )


def _instant(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _ms(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1000)
