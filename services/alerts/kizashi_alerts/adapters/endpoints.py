"""Webhook endpoints and their secrets as rows. Secrets leave only to sign, and once to whoever made the endpoint.

Source: ALERTS.md 11 and 13.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import insert, select, update

from kizashi_alerts.adapters.vault import Place, Sealed, Vault
from kizashi_common.contracts.ids import shown
from kizashi_common.db.database import Database
from kizashi_common.db.repeats import Once, claim_for_secret
from kizashi_common.db.tables import alerts as tables
from kizashi_common.errors import Absent, StaleVersion

PREFIX: Final = "whe"
_endpoint = tables.endpoint
_secret = tables.secret
_delivery = tables.delivery
_WAITING: Final = ("pending", "waiting")


class Endpoint(NamedTuple):
    """Where events of a workspace go. No chosen event is every event."""

    id: UUID
    workspace: str
    url: str
    events: tuple[str, ...]
    description: str
    state: str
    version: int
    created_by: str
    created_at: datetime


class Endpoints:
    """Reads and writes endpoints; every method is one transaction."""

    def __init__(self, database: Database, vault: Vault, new_id: Callable[[], UUID]) -> None:
        self._database = database
        self._vault = vault
        self._new_id = new_id

    async def add(self, endpoint: Endpoint, secret: str, once: Once | None = None) -> None:
        """A new endpoint with its secret. Raises: as `claim_for_secret`."""
        secret_id = self._new_id()
        sealed = self._vault.seal(secret, _place(endpoint.workspace, secret_id))
        async with self._database.transaction(endpoint.workspace) as connection:
            made = shown(PREFIX, endpoint.id)
            await claim_for_secret(connection, tables.idempotency, once, endpoint.created_at, made)
            await connection.execute(insert(_endpoint).values(_row(endpoint)))
            await connection.execute(
                insert(_secret).values(
                    id=secret_id,
                    workspace_id=endpoint.workspace,
                    endpoint_id=endpoint.id,
                    key_id=sealed.key_id,
                    ciphertext=sealed.ciphertext,
                    created_at=endpoint.created_at,
                )
            )

    async def all(self, workspace: str) -> tuple[Endpoint, ...]:
        """Those that are not deleted, oldest first."""
        wanted = select(_endpoint).where(_endpoint.c.workspace_id == workspace, _endpoint.c.state != "deleted")
        async with self._database.transaction(workspace, read_only=True) as connection:
            rows = await connection.execute(wanted.order_by(_endpoint.c.created_at, _endpoint.c.id))
            return tuple(_of(row) for row in rows.mappings())

    async def one(self, workspace: str, endpoint_id: UUID) -> Endpoint:
        """An endpoint. Raises: Absent."""
        async with self._database.transaction(workspace, read_only=True) as connection:
            return _of(await _found(connection, workspace, endpoint_id))

    async def delete(self, workspace: str, endpoint_id: UUID, version: int | None) -> int:
        """Nothing is sent there any more, and its secrets are gone; how many deliveries were parked.

        Raises: Absent; StaleVersion.
        """
        async with self._database.transaction(workspace) as connection:
            row = await _found(connection, workspace, endpoint_id, lock=True)
            if version is not None and version != row["version"]:
                raise StaleVersion("The endpoint changed in between.", current={"version": row["version"]})
            parked = await _retire(connection, workspace, endpoint_id, "deleted", None)
            await connection.execute(
                _secret.delete().where(_secret.c.workspace_id == workspace, _secret.c.endpoint_id == endpoint_id)
            )
        return parked

    async def disable(self, workspace: str, endpoint_id: UUID, because: str) -> int:
        """Stops sending there; what waits is parked, to be replayed: how many deliveries that were."""
        async with self._database.transaction(workspace) as connection:
            return await _retire(connection, workspace, endpoint_id, "disabled", because)

    async def secrets(self, workspace: str, endpoint_id: UUID, now: datetime) -> tuple[str, ...]:
        """The secrets that sign now, the newest first. Raises: Absent when one does not open, or there is none."""
        wanted = (
            select(_secret)
            .where(_secret.c.workspace_id == workspace, _secret.c.endpoint_id == endpoint_id)
            .where(_secret.c.expires_at.is_(None) | (_secret.c.expires_at > now))
            .order_by(_secret.c.created_at.desc(), _secret.c.id)
        )
        async with self._database.transaction(workspace, read_only=True) as connection:
            rows = list((await connection.execute(wanted)).mappings())
        if not rows:
            raise Absent("The endpoint has no secret to sign with.")
        return tuple(
            self._vault.open(Sealed(row["key_id"], row["ciphertext"]), _place(workspace, row["id"])) for row in rows
        )


async def _found(connection: Any, workspace: str, endpoint_id: UUID, *, lock: bool = False) -> Any:
    wanted = select(_endpoint).where(
        _endpoint.c.workspace_id == workspace, _endpoint.c.id == endpoint_id, _endpoint.c.state != "deleted"
    )
    row = (await connection.execute(wanted.with_for_update() if lock else wanted)).mappings().first()
    if row is None:
        raise Absent("There is no such endpoint.")
    return row


async def _retire(connection: Any, workspace: str, endpoint_id: UUID, state: str, because: str | None) -> int:
    changed = update(_endpoint).where(
        _endpoint.c.workspace_id == workspace, _endpoint.c.id == endpoint_id, _endpoint.c.state != "deleted"
    )
    await connection.execute(changed.values(state=state, disabled_because=because, version=_endpoint.c.version + 1))
    parked = await connection.execute(
        update(_delivery)
        .where(
            _delivery.c.workspace_id == workspace,
            _delivery.c.endpoint_id == endpoint_id,
            _delivery.c.state.in_(_WAITING),
        )
        .values(state="parked", next_at=None)
    )
    return int(parked.rowcount)


def _place(workspace: str, secret_id: UUID) -> Place:
    return Place(workspace, "secret", shown("sec", secret_id), "ciphertext")


def _row(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "workspace_id": endpoint.workspace,
        "url": endpoint.url,
        "events": list(endpoint.events),
        "description": endpoint.description,
        "state": endpoint.state,
        "version": endpoint.version,
        "created_by": endpoint.created_by,
        "created_at": endpoint.created_at,
    }


def _of(row: Any) -> Endpoint:
    return Endpoint(
        id=row["id"],
        workspace=row["workspace_id"],
        url=row["url"],
        events=tuple(row["events"]),
        description=row["description"],
        state=row["state"],
        version=row["version"],
        created_by=row["created_by"],
        created_at=row["created_at"],
    )
