"""Health's wiring."""

from __future__ import annotations

from datetime import timedelta
from importlib.metadata import version
from typing import Final

from kizashi_common.contracts.topics import EVENTS, SCORES
from kizashi_common.http.internal import Gate
from kizashi_common.http.measured import Measured
from kizashi_common.runtime.service import Drain, Resources, Routes, Service
from kizashi_common.stream.ledger import Ledger
from kizashi_common.stream.runner import Runner
from kizashi_common.stream.slot import Beat
from kizashi_common.stream.stream import Stream
from kizashi_common.telemetry import metrics
from kizashi_health.adapters.partition import SLOTS, HealthStore
from kizashi_health.adapters.progress import BUILD
from kizashi_health.application.as_of import AsOf
from kizashi_health.application.calibrating import Calibrations
from kizashi_health.application.census import Census
from kizashi_health.application.measuring import FlushMeter
from kizashi_health.application.reconstruct import Reconstruct
from kizashi_health.application.settings import SettingsOf
from kizashi_health.application.snapshots import Snapshots
from kizashi_health.engine.memory import EngineSettings
from kizashi_health.internal import Internal
from kizashi_health.settings import HealthSettings
from kizashi_health.workers import workers

NAME: Final = "health"
GROUP: Final = "kizashi-health"


def compose(resources: Resources) -> Service:
    """Health, ready to be served. Raises: Invalid, with every fault of its settings."""
    known = {k: v for k, v in resources.environment.items() if k in HealthSettings.names()}
    settings = HealthSettings.read(known)
    database, clock = resources.database, resources.clock
    calibrations = Calibrations(clock)
    engine = EngineSettings(
        publish_every=settings.publish_every,
        most_subjects=settings.state_max_accounts,
        cache_ids=settings.dedupe_cache_ids,
    )
    runner = Runner(
        Stream(
            service=NAME,
            topic=EVENTS.name,
            consumer=resources.consumer(EVENTS.name, GROUP),
            producer=resources.producer,
            ledger=Ledger(database, SLOTS, NAME, clock, BUILD),
            store=HealthStore(database, engine),
            clock=clock,
            sends_to=SCORES.name,
            replaceable=settings.kafka_profile == "volatile",
            beat=Beat(
                at_least=timedelta(milliseconds=settings.flush_at_least_ms),
                at_most=timedelta(milliseconds=settings.flush_at_most_ms),
                share_of_loop=settings.scoring_share,
            ),
            committed=FlushMeter(clock),
        )
    )
    every = timedelta(milliseconds=settings.census_every_ms)
    census = Census(database, calibrations, clock, lambda: runner.owns(0), every)
    internal = Internal(
        Gate(settings.service_token.get_secret_value()),
        AsOf(database, calibrations, clock),
        SettingsOf(database, calibrations, clock),
        Reconstruct(database, calibrations, clock),
        Snapshots(database),
    )
    running = workers(runner, census, resources, NAME)
    names = [worker.name for worker in running]
    metrics.declare(NAME, version=version("kizashi"), workers=names, topic=EVENTS.name, produces=(SCORES.name,))
    return Service(
        name=NAME,
        routes=Routes(internal=Measured(internal.app(resources.new_uuid), NAME)),
        workers=running,
        drains=(Drain("consume", runner.drained),),
        ready=runner.ready,
        alive=runner.alive,
    )
