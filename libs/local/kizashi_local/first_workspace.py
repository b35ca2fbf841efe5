"""The first workspace of an installation, its admin and its source, with a key for each: made once.

The keys are kept in the data directory, beside the master key and readable by the same person alone: the demo goes on
sending with them after a restart, and a start that is killed before it could print them prints them next time.

Source: OPERATIONS.md 1.6; GATEWAY.md 2, "Local mode".
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from kizashi_common.db.database import Database
from kizashi_common.errors import Conflict
from kizashi_common.runtime.service import Chance, Clock, NewUuid
from kizashi_gateway.application.workspaces import NewWorkspace, create_workspace
from kizashi_ingest.application.sources import Grant, Sources
from kizashi_ingest.compose import sources_of
from kizashi_ingest.domain.source_key import NewSource
from kizashi_local.kept_secrets import keep_secret

WORKSPACE: Final = "main"
NAME: Final = "My workspace"
SOURCE: Final = "first"
SOURCE_NAME: Final = "First source"
"""Names for people can be changed later; the ids of workspace and source are for life."""
IMPORTS: Final = Grant(may_import=True)


@dataclass(frozen=True)
class Founding:
    """What making a workspace needs: two services' roles, and time and chance."""

    gateway: Database
    ingest: Database
    clock: Clock
    chance: Chance
    new_uuid: NewUuid

    async def admin_key(self, workspace: str, name: str, given: str = "") -> str:
        """Makes the workspace with its admin; answers the admin's key, which may be given.

        Raises: Conflict when it exists.
        """
        wanted = NewWorkspace(workspace, name, admin_key=given)
        return (await create_workspace(self.gateway, self.clock, self.chance, self.new_uuid, wanted)).admin_key

    async def server_key(self, workspace: str) -> str:
        """Makes the first source with a server key that may also import the past; answers the key.

        Raises: Conflict when that source has its two keys already.
        """
        sources = await self._source(workspace)
        return (await sources.mint_key(workspace, SOURCE, "server", IMPORTS)).key

    async def take_server_key(self, workspace: str, key: str) -> None:
        """Makes the first source with that server key, which may also import the past.

        Raises: Conflict when that source has its two keys already, or the key is in use.
        """
        await (await self._source(workspace)).import_key(workspace, SOURCE, "server", key, IMPORTS)

    async def _source(self, workspace: str) -> Sources:
        sources = sources_of(self.ingest, self.clock, self.chance, self.new_uuid)
        with suppress(Conflict):
            await sources.create_source(NewSource(workspace, SOURCE, SOURCE_NAME, "segment_server"))
        return sources


@dataclass(frozen=True)
class First:
    """The first workspace. A key is None when it was made by a run that was killed before it could keep it."""

    workspace: str
    admin_key: str | None
    server_key: str | None


async def found_workspace(founding: Founding, workspace: str, name: str) -> First:
    """A new workspace with its admin and its source. Raises: Conflict when it exists, Invalid when the id cannot be."""
    admin_key = await founding.admin_key(workspace, name)
    return First(workspace, admin_key, await founding.server_key(workspace))


class GivenKeys(NamedTuple):
    """Keys that whoever installs has chosen; empty ones are not wanted."""

    admin: str = ""
    server: str = ""


async def found_once(founding: Founding, workspace: str, name: str, keys: GivenKeys) -> bool:
    """Makes what is missing of workspace, source and server key; answers whether the workspace is new.

    One that was there keeps its admin's keys. Safe to repeat, also after it was cut short.
    Raises: Invalid for an id or keys that cannot be.
    """
    is_new = True
    try:
        await founding.admin_key(workspace, name, keys.admin)
    except Conflict:
        is_new = False
    if keys.server:
        with suppress(Conflict):
            await founding.take_server_key(workspace, keys.server)
    return is_new


async def first_workspace(secrets: Path, founding: Founding) -> First:
    """Makes what is missing of workspace, admin, source and keys, and answers the keys."""
    with suppress(Conflict):
        keep_secret(secrets, "admin_key", await founding.admin_key(WORKSPACE, NAME))
    if _kept(secrets, "server_key") is None:
        with suppress(Conflict):
            keep_secret(secrets, "server_key", await founding.server_key(WORKSPACE))
    return First(WORKSPACE, _kept(secrets, "admin_key"), _kept(secrets, "server_key"))


def _kept(secrets: Path, name: str) -> str | None:
    file = secrets / name
    return file.read_text(encoding="ascii") if file.exists() else None
