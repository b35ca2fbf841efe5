"""Where an operator's command finds the installation: a data directory, or the settings that `kizashi migrate` has.

Source: OPERATIONS.md 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from kizashi_common.runtime.migrate_settings import MigrateSettings
from kizashi_local.postgres import ExternalPostgres
from kizashi_local.servers import database_of

TELLING: Final = ("KIZASHI_HEALTH_PASSWORD", "KIZASHI_HEALTH_PASSWORD_FILE")
"""Where one of these is set, the command runs beside `kizashi migrate`, in a container, not on somebody's laptop."""


class Place(Protocol):
    """What is needed of an installation to change its database."""

    def database_url(self, service: str) -> str:
        """Where a service's role logs in."""
        ...


class Deployed:
    """An installation of containers, seen by what its migrating job is told."""

    def __init__(self, settings: MigrateSettings) -> None:
        self._url = settings.database_url.get_secret_value()
        self._passwords = settings.passwords()

    def database_url(self, service: str) -> str:
        """Where a service's role logs in."""
        role = f"kizashi_{service}"
        return ExternalPostgres(self._url).url(database_of(self._url), role, self._passwords[role])


def deployed(environment: Mapping[str, str]) -> Deployed | None:
    """The installation whose settings are in the environment; None where they are not.

    Raises: Invalid, with every fault of the settings.
    """
    if not any(name in environment for name in TELLING):
        return None
    return Deployed(MigrateSettings.read({k: v for k, v in environment.items() if k in MigrateSettings.names()}))
