"""What each service is told in local mode: the same settings as in production, made here instead of by an operator.

Source: OPERATIONS.md 0, 1.3 and 1.6.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from kizashi_alerts.settings import AlertsSettings
from kizashi_common.db.tables.metadata import ROLES
from kizashi_common.runtime.migrate_settings import MigrateSettings
from kizashi_common.runtime.production import unsafe
from kizashi_common.runtime.settings import (
    PREFIX,
    ProcessSettings,
    Settings,
    refuse_unknown,
    unacceptable,
    unknown,
)
from kizashi_gateway.settings import GatewaySettings
from kizashi_health.settings import HealthSettings
from kizashi_ingest.settings import IngestSettings
from kizashi_local.addresses import Addresses
from kizashi_local.broker.broker import Broker
from kizashi_local.broker.choice import JARS_FOLDER
from kizashi_local.demo.settings import DemoSettings
from kizashi_local.instance import DATA_DIR
from kizashi_local.kept_secrets import keep_secret, kept_secret
from kizashi_local.postgres import Postgres

DATABASE_URL: Final = "KIZASHI_DATABASE_URL"
OURS: Final = (DATABASE_URL, DATA_DIR, JARS_FOLDER)
"""Settings that local mode itself reads; the services know the rest."""

PUBLIC_URL: Final = "KIZASHI_PUBLIC_URL"
TOKEN: Final = "KIZASHI_SERVICE_TOKEN"  # noqa: S105  the name of a setting, not its value
FAILPOINTS: Final = "KIZASHI_FAILPOINTS"
OWN_SETTINGS: Final[Mapping[str, type[Settings]]] = {
    "ingest": IngestSettings,
    "health": HealthSettings,
    "alerts": AlertsSettings,
    "gateway": GatewaySettings,
}
SETTINGS: Final[tuple[type[Settings], ...]] = (ProcessSettings, *OWN_SETTINGS.values())
KNOWN: Final[tuple[type[Settings], ...]] = (*SETTINGS, MigrateSettings, DemoSettings)
"""One environment may serve every command, so a name that any of them reads is no typing error."""

SERVICES: Final = ("ingest", "health", "alerts", "gateway")
"""In the order in which data flows, which is the order of draining."""

LOOPBACK_NETWORKS: Final = "127.0.0.0/8,::1/128"


def refuse_mistyped(environment: Mapping[str, str]) -> None:
    """Stops the start on a `KIZASHI_` name that nothing of ours reads. Raises: Invalid naming each."""
    refuse_unknown(environment, KNOWN, OURS)


def require(environment: Mapping[str, str], classes: Sequence[type[Settings]]) -> None:
    """Stops the start of a process that reads these classes: unknown, missing, mistyped, and unsafe in production.

    Raises: Invalid with every fault at once.
    """
    judged = [fault for settings in classes for fault in settings.judged(environment)[1]]
    faults = [*unknown(environment, KNOWN, OURS), *judged, *unsafe(environment, classes)]
    if faults:
        raise unacceptable(faults)


def role_passwords(secrets: Path) -> dict[str, str]:
    """The password of each service's database role, made once."""
    return {role: kept_secret(secrets, role) for role in ROLES}


def master_key(secrets: Path) -> str:
    """The key under which the services sign and encrypt: base64 of 32 bytes, made once."""
    file = secrets / "master_key"
    if file.exists():
        return file.read_text(encoding="ascii")
    return keep_secret(secrets, "master_key", base64.b64encode(os.urandom(32)).decode("ascii"))


def shared_settings(secrets: Path, given: Mapping[str, str], addresses: Addresses, broker: Broker) -> dict[str, str]:
    """The settings that all services have in common; what a person set by hand holds, except where it cannot."""
    chosen = {name: value for name, value in given.items() if name.startswith(PREFIX) and name not in OURS}
    defaults = {
        "KIZASHI_EGRESS_ALLOW": LOOPBACK_NETWORKS,
        PUBLIC_URL: addresses.gateway_url,
        "KIZASHI_MASTER_KEYS": master_key(secrets),
        TOKEN: kept_secret(secrets, "service_token"),
        # Who tries it out wants to see what comes of it; HEALTH.md 8 and 10 say so of local mode.
        "KIZASHI_HEARTBEAT_SECONDS": "5",
        "KIZASHI_SCORES_PUBLISH_EVERY_MS": "15000",
    }
    fixed = {
        "KIZASHI_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap,
        "KIZASHI_INGEST_URL": addresses.url("ingest_internal"),
        "KIZASHI_HEALTH_URL": addresses.url("health_internal"),
        "KIZASHI_ALERTS_URL": addresses.url("alerts_internal"),
    }
    if broker.kind != "external":
        # Under this profile the services take a replaced log for a new one; else they would stop and ask a person.
        fixed["KIZASHI_KAFKA_PROFILE"] = "volatile" if broker.follows_volatile else broker.kind
    return defaults | chosen | fixed


def service_settings(
    service: str, shared: Mapping[str, str], postgres: Postgres, database: str, passwords: Mapping[str, str]
) -> dict[str, str]:
    """One service's settings: the shared ones, and the way into the database as its own role."""
    role = f"kizashi_{service}"
    return {**shared, DATABASE_URL: postgres.url(database, role, passwords[role])}
