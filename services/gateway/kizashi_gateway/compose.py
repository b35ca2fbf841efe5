"""The gateway, wired: read it from top to bottom.

Source: ARCHITECTURE.md 2.
"""

from __future__ import annotations

from datetime import timedelta
from importlib.metadata import version

from starlette.types import ASGIApp

from kizashi_common.contracts.ids import NewUuid
from kizashi_common.db.clock_offset import WORKER as CLOCK
from kizashi_common.db.clock_offset import ClockOffset
from kizashi_common.http.internal import PATIENCE, InternalClient
from kizashi_common.http.measured import Measured, Objective
from kizashi_common.http.problem import RequestIds
from kizashi_common.http.traced import Traced
from kizashi_common.runtime.service import Drain, Resources, Routes, Service, Worker
from kizashi_common.telemetry import metrics
from kizashi_gateway.adapters.services import Owners
from kizashi_gateway.adapters.sign_in import SignIns
from kizashi_gateway.adapters.store import Store
from kizashi_gateway.application.command import Commands
from kizashi_gateway.application.keys import Keys
from kizashi_gateway.application.sign_in import SignIn
from kizashi_gateway.application.witness import Witness
from kizashi_gateway.console.app import Console, console
from kizashi_gateway.domain import reads
from kizashi_gateway.domain.cursor import Cursors
from kizashi_gateway.public import Front
from kizashi_gateway.queries.accounts import Accounts
from kizashi_gateway.queries.alerts import Alerts
from kizashi_gateway.queries.progress import Progress
from kizashi_gateway.queries.scores import Scores
from kizashi_gateway.queries.zones import Zones
from kizashi_gateway.rest import accounts, alerts, api_keys, me, scores, webhook_endpoints, workspace_settings
from kizashi_gateway.rest.door import Door
from kizashi_gateway.rest.openapi import api
from kizashi_gateway.settings import GatewaySettings
from kizashi_gateway.workers import workers

NAME = "gateway"


def _owners(settings: GatewaySettings) -> Owners:
    token = settings.service_token.get_secret_value()
    health = InternalClient(settings.health_url, token, NAME)
    return Owners(health, InternalClient(settings.alerts_url, token, NAME, PATIENCE))


def compose(resources: Resources) -> Service:
    """The gateway over these resources: REST under `/v1`, the console beside it.

    Raises: Invalid naming every setting that is missing or wrong.
    """
    settings = GatewaySettings.read(resources.environment)
    database, clock, chance, new_uuid = resources.database, resources.clock, resources.chance, resources.new_uuid

    store, sign_ins = Store(database), SignIns(database)
    owners = _owners(settings)
    the_accounts, the_alerts, the_scores = Accounts(database), Alerts(database), Scores(database)
    zones = Zones(database, clock)

    keys = Keys(store, clock, chance)
    sign_in = SignIn(sign_ins, store, keys, clock, chance, new_uuid)
    commands = Commands(store, clock, new_uuid)
    cursors = Cursors(settings.cursor_key)

    door = Door(keys, sign_in, commands, cookie=settings.cookie, public_url=settings.public_url)
    rest = api(
        [
            accounts.router(door, the_accounts, cursors),
            scores.router(door, the_accounts, the_scores, owners, zones),
            alerts.router(door, the_alerts, cursors, owners, commands),
            webhook_endpoints.router(door, owners, commands),
            workspace_settings.router(door, owners, commands),
            api_keys.router(door, keys, commands),
            me.router(door),
        ],
        cookie=settings.cookie,
    )
    pages = console(
        Console(
            accounts=the_accounts,
            alerts=the_alerts,
            scores=the_scores,
            zones=zones,
            owners=owners,
            commands=commands,
            sign_in=sign_in,
            store=store,
            cursors=cursors,
            clock=clock,
            cookie=settings.cookie,
            public_url=settings.public_url,
        )
    )
    running = (
        *workers(Witness(Progress(database), clock), timedelta(seconds=settings.witness_seconds), sign_ins, clock),
        Worker(CLOCK, ClockOffset(database, clock, NAME).run),
    )
    metrics.declare(NAME, version=version("kizashi"), workers=[worker.name for worker in running])
    return Service(
        name=NAME,
        routes=Routes(public=_watched(Front(rest, pages, is_secure=settings.is_secure), new_uuid)),
        workers=running,
        drains=(Drain("owners", owners.aclose),),
    )


def _watched(front: Front, new_uuid: NewUuid) -> ASGIApp:
    """The door with everything around it that tells of its requests."""
    traced = RequestIds(Traced(front, NAME, is_public=True), new_uuid)
    return Measured(traced, NAME, objective=Objective(reads.SLO, reads.is_good))
