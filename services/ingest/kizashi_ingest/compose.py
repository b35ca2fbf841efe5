"""Ingest's wiring: read top to bottom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.metadata import version

from kizashi_common.contracts.ids import NewUuid
from kizashi_common.contracts.topics import EVENTS, QUARANTINE, UNATTRIBUTED
from kizashi_common.db.clock_offset import ClockOffset
from kizashi_common.db.database import Database
from kizashi_common.http.internal import Gate
from kizashi_common.runtime.service import Drain, Resources, Routes, Service
from kizashi_common.telemetry import metrics as shared
from kizashi_ingest import metrics
from kizashi_ingest.adapters.journal import Journal
from kizashi_ingest.adapters.lanes import Lanes
from kizashi_ingest.adapters.rounds import RoundStore
from kizashi_ingest.adapters.sources import SourceStore
from kizashi_ingest.application.accept import Accept, Node
from kizashi_ingest.application.heartbeat import Heartbeats
from kizashi_ingest.application.in_flight import InFlight, Room
from kizashi_ingest.application.sources import Keyring, Sources
from kizashi_ingest.internal import internal
from kizashi_ingest.public import Patience, public
from kizashi_ingest.settings import IngestSettings
from kizashi_ingest.workers import NAMES, Every, workers


def compose(resources: Resources) -> Service:
    """The service.

    Raises: Invalid for settings that are not acceptable; Absent when the broker lacks one of its topics.
    """
    settings = IngestSettings.read(resources.environment)
    topics = [topic.name for topic in (EVENTS, UNATTRIBUTED, QUARANTINE)]
    for topic in topics:
        resources.producer.partitions(topic)
    shared.declare(metrics.SERVICE, version=version("kizashi"), workers=NAMES, produces=topics)

    clock, heartbeat_every = resources.clock, timedelta(seconds=settings.heartbeat_seconds)
    store = SourceStore(resources.database)
    keyring = Keyring(store, clock)
    lanes = Lanes(resources.producer)
    journal = Journal(lanes, timedelta(seconds=settings.ack_seconds))
    in_flight = InFlight(Room(settings.requests_in_flight, settings.bodies_in_flight_bytes))
    accept = Accept(keyring, journal, in_flight, Node(settings.node, settings.limits), clock)
    heartbeats = Heartbeats(RoundStore(resources.database, settings.node), journal, in_flight, clock, heartbeat_every)
    metrics.follow(metrics.key_cache_age_seconds, keyring.age_s)
    metrics.follow(metrics.heartbeat_round_age_seconds, heartbeats.age_s)
    patience = Patience(settings.limits.wire_bytes, timedelta(seconds=settings.slow_body_seconds))
    gate = Gate(settings.service_token.get_secret_value())
    sources = sources_of(resources.database, clock, resources.chance, resources.new_uuid)

    async def drained() -> None:
        while not in_flight.is_empty:
            await asyncio.sleep(0.01)
        await lanes.drained()

    def ready() -> str | None:
        if not keyring.is_loaded:
            return "keys are not loaded"
        return None if in_flight.is_open else "this node has given no sign of life yet"

    def serves() -> str | None:
        return None if lanes.can_produce(heartbeat_every * 1.5) else "Kafka acknowledges nothing"

    return Service(
        metrics.SERVICE,
        Routes(
            public(accept, patience, resources.chance, resources.new_uuid),
            internal(sources, gate, resources.new_uuid),
        ),
        workers(
            lanes,
            heartbeats,
            keyring,
            ClockOffset(resources.database, clock, metrics.SERVICE),
            Every(heartbeat_every, timedelta(seconds=settings.key_refresh_seconds)),
        ),
        (Drain("requests", drained),),
        ready,
        serves,
    )


def sources_of(
    database: Database, clock: Callable[[], datetime], chance: Callable[[int], bytes], new_uuid: NewUuid
) -> Sources:
    """Sources and keys alone, for whoever sets up a workspace (`kizashi up`, `kizashi admin create-workspace`)."""
    return Sources(SourceStore(database), clock, chance, new_uuid)
