"""Alerts' wiring: read it from top to bottom.

Source: ARCHITECTURE.md 2.
"""

from __future__ import annotations

from datetime import timedelta
from importlib.metadata import version
from typing import Final

from kizashi_alerts import metrics as own_metrics
from kizashi_alerts.adapters import starter
from kizashi_alerts.adapters.alerts import Alerts
from kizashi_alerts.adapters.backlog import Backlog
from kizashi_alerts.adapters.channels import CHANNELS
from kizashi_alerts.adapters.channels.webhook.send import Webhook
from kizashi_alerts.adapters.deliveries import Deliveries
from kizashi_alerts.adapters.endpoints import Endpoints
from kizashi_alerts.adapters.health import Health
from kizashi_alerts.adapters.outbound import Outbound
from kizashi_alerts.adapters.partition import OUTBOX, SLOTS, Partition
from kizashi_alerts.adapters.pasts import Pasts
from kizashi_alerts.adapters.vault import Vault
from kizashi_alerts.application.act import Act
from kizashi_alerts.application.count import Count
from kizashi_alerts.application.deliver import Deliver
from kizashi_alerts.application.dispatch import Dispatch, stamped
from kizashi_alerts.application.endpoints import ManageEndpoints
from kizashi_alerts.application.imported_past import JudgePast
from kizashi_alerts.application.watch import Watch
from kizashi_alerts.engine.engine import Keys, Rows
from kizashi_alerts.engine.flush import AlertsFlush
from kizashi_alerts.internal import Internal
from kizashi_alerts.settings import AlertsSettings
from kizashi_alerts.workers import workers
from kizashi_common.contracts.topics import ALERTS, SCORES
from kizashi_common.db.clock_offset import ClockOffset
from kizashi_common.http.internal import Gate, InternalClient
from kizashi_common.http.measured import Measured
from kizashi_common.runtime.service import Drain, Resources, Routes, Service
from kizashi_common.stream.ledger import Ledger
from kizashi_common.stream.runner import Runner
from kizashi_common.stream.shared_outbox import Relay, SharedOutbox
from kizashi_common.stream.slot import Beat
from kizashi_common.stream.stream import Stream
from kizashi_common.telemetry import metrics

NAME: Final = "alerts"
GROUP: Final = "kizashi-alerts"


def compose(resources: Resources) -> Service:
    """Alerts, ready to be served. Raises: Invalid, with every fault of its settings."""
    known = {k: v for k, v in resources.environment.items() if k in AlertsSettings.names()}
    settings = AlertsSettings.read(known)
    database, producer = resources.database, resources.producer
    clock, chance, new_uuid = resources.clock, resources.chance, resources.new_uuid
    token = settings.service_token.get_secret_value()

    book = starter.rulebook()
    outbox = SharedOutbox(OUTBOX)
    alerts = Alerts(book, starter.playbooks(book), new_uuid, outbox, settings.public_url)
    runner = Runner(_stream(resources, settings, alerts))

    outbound = Outbound(settings.reachable)
    endpoints = Endpoints(database, Vault(settings.keys, chance), new_uuid)
    deliveries = Deliveries(database, new_uuid)
    relay = Relay(database, producer, ALERTS.name, outbox, stamped, Dispatch(deliveries, clock))
    webhook = Webhook(outbound, version("kizashi"))
    deliver = Deliver(deliveries, endpoints, webhook, clock, chance, settings.webhook_concurrency)

    health = InternalClient(settings.health_url, token, NAME)
    internal = Internal(
        Gate(token),
        Act(database, alerts, clock),
        ManageEndpoints(endpoints, deliveries, outbound, clock, chance, new_uuid),
        JudgePast(Health(health), Pasts(database, producer), book),
    )

    watch = Watch(Backlog(database), webhook.name, clock)
    running = workers(runner, relay, deliver, ClockOffset(database, clock, NAME), watch)
    metrics.declare(
        NAME,
        version=version("kizashi"),
        workers=[one.name for one in running],
        topic=SCORES.name,
        produces=(ALERTS.name,),
    )
    own_metrics.declare(CHANNELS)
    return Service(
        name=NAME,
        routes=Routes(internal=Measured(internal.app(new_uuid), NAME)),
        workers=running,
        drains=(
            Drain("consume", runner.drained),
            Drain("relay", relay.drained),
            Drain("health", health.aclose),
        ),
        ready=runner.ready,
        alive=runner.alive,
    )


def _stream(resources: Resources, settings: AlertsSettings, alerts: Alerts) -> Stream[Keys, Rows, AlertsFlush]:
    """The scores' topic, judged."""
    return Stream(
        service=NAME,
        topic=SCORES.name,
        consumer=resources.consumer(SCORES.name, GROUP),
        producer=resources.producer,
        ledger=Ledger(resources.database, SLOTS, settings.node, resources.clock),
        store=Partition(resources.database, alerts),
        clock=resources.clock,
        sends_to="",
        committed=Count(own_metrics.Failing(resources.clock)),
        replaceable=settings.kafka_profile == "volatile",
        beat=Beat(
            at_least=timedelta(milliseconds=settings.flush_at_least_ms),
            at_most=timedelta(milliseconds=settings.flush_at_most_ms),
        ),
    )
