"""An installation in local mode, seen from another process: where its doors are, and the secrets that open them.

Source: OPERATIONS.md 1.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from kizashi_common.errors import Absent
from kizashi_local.addresses import LOOPBACK, Addresses, recalled
from kizashi_local.postgres import SUPERUSER, ExternalPostgres
from kizashi_local.servers import DATABASE
from kizashi_local.service_settings import DATABASE_URL


@dataclass(frozen=True)
class Installed:
    """What another process of the same person may know of an installation that was started before."""

    data: Path
    addresses: Addresses
    external: str | None

    @property
    def database_name(self) -> str:
        """The database that the services share."""
        return unquote(urlsplit(self.external).path.lstrip("/")) if self.external else DATABASE

    @property
    def superuser_url(self) -> str:
        """Where the one who owns the server logs in."""
        return self.external or self._url(SUPERUSER, self.secret("postgres"))

    def database_url(self, service: str) -> str:
        """Where a service's role logs in."""
        role = f"kizashi_{service}"
        return self._url(role, self.secret(role))

    def secret(self, name: str) -> str:
        """A secret of the data directory. Raises: Absent when it was not made yet, or belongs to another account."""
        file = self.data / "secrets" / name
        try:
            return file.read_text(encoding="ascii")
        except OSError as error:
            raise Absent(f"{file} cannot be read: {error.strerror}.") from error

    def _url(self, role: str, password: str) -> str:
        server = self.external or f"postgresql://{LOOPBACK}:{self.addresses.postgres}/{DATABASE}"
        return ExternalPostgres(server).url(self.database_name, role, password)


def installed(data: Path, environment: Mapping[str, str]) -> Installed:
    """The installation over this data directory. Raises: Absent when none was ever started there."""
    addresses = recalled(data)
    if addresses is None:
        raise Absent(f"No installation was started over {data} yet: run `kizashi up`, or name another one with --data.")
    return Installed(data, addresses, environment.get(DATABASE_URL))
