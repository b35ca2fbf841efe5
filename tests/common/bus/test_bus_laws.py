"""One suite of laws for the twin, Apache Kafka and the volatile broker."""

from __future__ import annotations

import os

import pytest

from kizashi_common.bus.kafka import KafkaConsumer, KafkaProducer, ensure_topics
from kizashi_common.bus.kafka_settings import KafkaSettings
from kizashi_common.bus.topic_plan import LOCAL, TopicPlan
from kizashi_common.contracts.topics import Topic
from kizashi_common.errors import Absent, Invalid
from tests.conftest import Brokers
from tests.laws.bus import LAWS, Law
from tests.twins.bus import MemoryBus
from tests.twins.clock import SetClock


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_the_twin_obeys(law: Law, clock: SetClock) -> None:
    bus = MemoryBus({"t": 2}, clock)
    await law(bus.producer(), bus.consumer("t", "g"), "t")


@pytest.mark.parametrize("kind", ["kafka", "volatile"])
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_a_real_broker_obeys(law: Law, kind: str, brokers: Brokers) -> None:
    broker = await brokers(kind)
    topic = Topic(f"laws.{os.urandom(4).hex()}", "tests", "k", "tests", (), 2, 2)
    await ensure_topics(KafkaSettings(broker.bootstrap, "laws"), [topic], LOCAL)
    settings = KafkaSettings(broker.bootstrap, "laws", volatile=kind == "volatile")
    producer = KafkaProducer(settings)
    consumer = KafkaConsumer(settings, topic.name, f"laws-{topic.name}", "laws")
    await producer.start([topic.name])
    try:
        await law(producer, consumer, topic.name)
    finally:
        await consumer.stop()
        await producer.stop()


async def test_a_topic_with_another_partition_count_is_refused(brokers: Brokers) -> None:
    broker = await brokers("kafka")
    name = f"laws.{os.urandom(4).hex()}"
    await ensure_topics(KafkaSettings(broker.bootstrap, "laws"), [Topic(name, "", "", "", (), 2, 2)], LOCAL)
    await ensure_topics(KafkaSettings(broker.bootstrap, "laws"), [Topic(name, "", "", "", (), 2, 2)], LOCAL)
    with pytest.raises(Invalid, match="has 2 partitions, not 3"):
        await ensure_topics(KafkaSettings(broker.bootstrap, "laws"), [Topic(name, "", "", "", (), 3, 3)], LOCAL)


async def test_looking_makes_nothing_and_names_all_that_is_not_as_planned(brokers: Brokers) -> None:
    settings = KafkaSettings((await brokers("kafka")).bootstrap, "laws")
    made, missing = (Topic(f"laws.{os.urandom(4).hex()}", "", "", "", (), 2, 2) for _ in range(2))
    await ensure_topics(settings, [made], LOCAL)
    await ensure_topics(settings, [made], LOCAL, manage=False)
    with pytest.raises(Invalid) as refusal:
        await ensure_topics(settings, [made, missing], TopicPlan(replication=3, local=True), manage=False)
    assert {(fault.pointer, fault.code) for fault in refusal.value.faults} == {
        (missing.name, "missing"),
        (made.name, "replication"),
        (made.name, "config"),
    }


async def test_a_broker_that_cannot_make_a_topic_is_told_of_and_not_taken_for_done(brokers: Brokers) -> None:
    settings = KafkaSettings((await brokers("kafka")).bootstrap, "laws")
    topic = Topic(f"laws.{os.urandom(4).hex()}", "", "", "", (), 2, 2)
    with pytest.raises(Invalid, match=topic.name):
        await ensure_topics(settings, [topic], TopicPlan(replication=3, local=True))


async def test_a_topic_that_was_not_made_is_missed_at_start(brokers: Brokers) -> None:
    broker = await brokers("kafka")
    producer = KafkaProducer(KafkaSettings(broker.bootstrap, "laws"))
    try:
        with pytest.raises((Absent, Exception)):
            await producer.start(["never.made"])
    finally:
        await producer.stop()
