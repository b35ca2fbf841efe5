"""`kizashi migrate`: schema, roles and topics brought up to this version; repeatable, and run before the services.

Source: OPERATIONS.md 0; decision 13.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from pydantic import Field, SecretStr

from kizashi_cli.compose import environment, run_in_loop
from kizashi_cli.failures import described
from kizashi_common.bus.kafka import ensure_topics
from kizashi_common.contracts.topics import TOPICS
from kizashi_common.db.migrate import migrate
from kizashi_common.errors import KizashiError
from kizashi_common.runtime.compose import chance, clock
from kizashi_common.runtime.settings import Settings


class MigrateSettings(Settings):
    """Who may change the database, the passwords of the services' roles, and where the topics live."""

    database_url: SecretStr = Field(description="postgresql://account:password@host:port/name, allowed to make roles")
    kafka_bootstrap_servers: str = Field(description="host:port, comma separated")
    ingest_password: SecretStr = Field(min_length=8, description="password of the role kizashi_ingest")
    health_password: SecretStr = Field(min_length=8, description="password of the role kizashi_health")
    alerts_password: SecretStr = Field(min_length=8, description="password of the role kizashi_alerts")
    gateway_password: SecretStr = Field(min_length=8, description="password of the role kizashi_gateway")
    allow_single_node: bool = Field(default=False, description="topics for one broker: fewer partitions, no replicas")

    def passwords(self) -> dict[str, str]:
        """Each role's password."""
        return {
            "kizashi_ingest": self.ingest_password.get_secret_value(),
            "kizashi_health": self.health_password.get_secret_value(),
            "kizashi_alerts": self.alerts_password.get_secret_value(),
            "kizashi_gateway": self.gateway_password.get_secret_value(),
        }


def main(_: str, arguments: Sequence[str]) -> int:
    """Exit 0 when everything is in place, 1 when it is not."""
    parser = argparse.ArgumentParser(prog="kizashi migrate", description="Bring schema, roles and topics up to date.")
    parser.parse_args(arguments)
    try:
        run_in_loop(_migrate(MigrateSettings.read(environment())))
    except (KizashiError, OSError) as error:
        print(described(error), file=sys.stderr)
        return 1
    return 0


async def _migrate(settings: MigrateSettings) -> None:
    local = settings.allow_single_node
    await migrate(
        settings.database_url.get_secret_value(),
        role_passwords=settings.passwords(),
        chance=chance,
        clock=clock,
        local=local,
    )
    print("schema and roles are up to date", file=sys.stderr)
    await ensure_topics(settings.kafka_bootstrap_servers, TOPICS, local=local)
    print("topics are in place", file=sys.stderr)
