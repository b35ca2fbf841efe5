"""`kizashi migrate`: schema, roles, topics and the first workspace brought up to this version; repeatable.

It is run before the services. The first workspace is made once, with the keys that the installer chose, so that nobody
has to read a secret out of a log.

Source: OPERATIONS.md 0; decision 13.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

from kizashi_cli.compose import environment, run_in_loop
from kizashi_cli.failures import described
from kizashi_common.bus.kafka import ensure_topics
from kizashi_common.bus.kafka_settings import KafkaSettings
from kizashi_common.contracts.topics import TOPICS
from kizashi_common.db.database import Database
from kizashi_common.db.migrate import migrate
from kizashi_common.errors import KizashiError
from kizashi_common.runtime.compose import chance, clock, new_uuid
from kizashi_common.runtime.migrate_settings import MigrateSettings
from kizashi_common.telemetry.logging import configure
from kizashi_local.first_workspace import Founding, GivenKeys, found_once
from kizashi_local.postgres import ExternalPostgres
from kizashi_local.servers import database_of
from kizashi_local.service_settings import require

CANARY: Final = "canary"
"""The workspace that the canary has to itself."""


def main(_: str, arguments: Sequence[str]) -> int:
    """Exit 0 when everything is in place, 1 when it is not."""
    parser = argparse.ArgumentParser(prog="kizashi migrate", description="Bring schema, roles and topics up to date.")
    parser.parse_args(arguments)
    around = environment()
    configure(text=around.get("KIZASHI_LOG_FORMAT") == "text")
    try:
        require(around, (MigrateSettings,))
        run_in_loop(_migrate(MigrateSettings.read(around)))
    except (KizashiError, OSError) as error:
        print(described(error), file=sys.stderr)
        return 1
    return 0


async def _migrate(settings: MigrateSettings) -> None:
    await migrate(
        settings.database_url.get_secret_value(),
        role_passwords=settings.passwords(),
        chance=chance,
        clock=clock,
        local=settings.plan.local,
    )
    tell("schema and roles are up to date")
    kafka = KafkaSettings(settings.kafka_bootstrap_servers, "kizashi", security=settings.security)
    await ensure_topics(kafka, TOPICS, settings.plan, manage=settings.topics == "manage")
    tell("topics are in place")
    for wanted in wanted_workspaces(settings):
        await _found(settings, wanted)


class WantedWorkspace(NamedTuple):
    """A workspace that shall be there, and the keys that open it."""

    id: str
    name: str
    keys: GivenKeys


def wanted_workspaces(settings: MigrateSettings) -> list[WantedWorkspace]:
    """The first workspace, and the canary's own where it has a key: what it sends must touch nobody's figures."""
    first = GivenKeys(settings.first_admin_key.get_secret_value(), settings.first_server_key.get_secret_value())
    canary = GivenKeys(settings.canary_api_key.get_secret_value(), settings.canary_server_key.get_secret_value())
    wanted = []
    if settings.first_workspace:
        wanted.append(WantedWorkspace(settings.first_workspace, settings.first_workspace_name, first))
    if canary.admin:
        wanted.append(WantedWorkspace(CANARY, "Canary", canary))
    return wanted


async def _found(settings: MigrateSettings, wanted: WantedWorkspace) -> None:
    """The workspace, its admin and its source, made by the services' own roles."""
    url, passwords = settings.database_url.get_secret_value(), settings.passwords()
    server, database = ExternalPostgres(url), database_of(url)
    gateway, ingest = (
        Database(server.url(database, role, passwords[role]), pool=1) for role in ("kizashi_gateway", "kizashi_ingest")
    )
    try:
        founding = Founding(gateway, ingest, clock, chance, new_uuid)
        is_new = await found_once(founding, wanted.id, wanted.name, wanted.keys)
    finally:
        await gateway.close()
        await ingest.close()
    tell(f"workspace {wanted.id} {'is made' if is_new else 'was there; its keys stay as they are'}")


def tell(line: str) -> None:
    """A line for whoever installs."""
    print(line, file=sys.stderr)
