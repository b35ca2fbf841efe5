"""The real resources: bus, database, clock, ids, chance; nothing else in `libs/common` reads clock or chance."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

from kizashi_common.bus.bus import Consumer
from kizashi_common.bus.kafka import KafkaConsumer, KafkaProducer
from kizashi_common.bus.kafka_settings import KafkaSettings
from kizashi_common.contracts.ids import uuid7
from kizashi_common.contracts.topics import TOPICS
from kizashi_common.db.database import Database
from kizashi_common.runtime.service import Resources
from kizashi_common.runtime.settings import ProcessSettings


def clock() -> datetime:
    """Now, aware, UTC."""
    return datetime.now(UTC)


def chance(count: int) -> bytes:
    """Random bytes fit for secrets."""
    return secrets.token_bytes(count)


def new_uuid() -> UUID:
    """A fresh UUIDv7."""
    return uuid7(clock(), chance(10))


@asynccontextmanager
async def resources(service: str, environment: Mapping[str, str]) -> AsyncIterator[Resources]:
    """What one service is composed of, connected; closed when the block ends.

    Shape: `environment` holds the `KIZASHI_…` settings of this service, with its own role's database address.
    Raises: Invalid, with every fault of the process's settings; Busy when the broker cannot be reached; Absent without
    its topics.
    """
    settings = ProcessSettings.read({k: v for k, v in environment.items() if k in ProcessSettings.names()})
    kafka = KafkaSettings(
        bootstrap=settings.kafka_bootstrap_servers,
        client_id=f"kizashi-{service}-{settings.node}",
        volatile=settings.kafka_profile == "volatile",
        security=settings.security,
        service=service,
    )
    producer = KafkaProducer(kafka)
    await producer.start(topic.name for topic in TOPICS)
    database = Database(settings.database_url.get_secret_value(), service=service)

    def consumer(topic: str, group: str) -> Consumer:
        # A static member: after kill -9 a dynamic one waits out the session for its partitions (HEALTH.md 4).
        member = f"{service}-{settings.node}" if settings.kafka_static_member else None
        return KafkaConsumer(kafka, topic, group, member)

    try:
        yield Resources(producer, consumer, database, clock, chance, new_uuid, environment)
    finally:
        await producer.stop()
        await database.close()
