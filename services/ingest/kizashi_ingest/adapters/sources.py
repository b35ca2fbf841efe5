"""Sources and their keys, as they rest in PostgreSQL. Of a key only its hash.

Source: INGEST.md 15.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from kizashi_common.db.database import Database
from kizashi_common.db.tables.ingest import source, source_key
from kizashi_common.errors import Absent, Conflict
from kizashi_common.keys import SourceKeyKind
from kizashi_ingest.domain.source_key import KeyActor, NewKey, NewSource, SourceKey


class SourceStore:
    """Reads keys across workspaces (a key tells its workspace), writes within one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keys(self) -> dict[bytes, SourceKey]:
        """Every key there is, by its hash. Raises: Busy."""
        async with self._database.transaction() as connection:
            rows = (await connection.execute(_keys())).mappings().all()
        return {row["hash"]: _key(row) for row in rows}

    async def key(self, digest: bytes) -> SourceKey | None:
        """The key with that hash. Raises: Busy."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(_keys().where(source_key.c.hash == digest))).mappings().first()
        return None if row is None else _key(row)

    async def add_source(self, new: NewSource, at: datetime) -> None:
        """Raises: Conflict, code key_taken, when the workspace has such a source; Busy."""
        try:
            async with self._database.transaction(new.workspace) as connection:
                await connection.execute(
                    insert(source).values(
                        workspace_id=new.workspace,
                        source_id=new.source,
                        name=new.name,
                        kind=new.kind,
                        origins=list(new.origins),
                        currency=new.currency,
                        created_at=at,
                    )
                )
        except IntegrityError as error:
            raise Conflict("The workspace has a source of that name.", code="key_taken") from error

    async def active_keys(self, workspace: str, name: str, kind: SourceKeyKind) -> int:
        """How many live keys of that kind the source has. Raises: Absent without such a source; Busy."""
        of_source = (source.c.workspace_id == workspace, source.c.source_id == name)
        of_kind = (
            source_key.c.workspace_id == workspace,
            source_key.c.source_id == name,
            source_key.c.kind == kind,
            source_key.c.revoked_at.is_(None),
        )
        async with self._database.transaction(workspace) as connection:
            if (await connection.execute(select(source.c.source_id).where(*of_source))).first() is None:
                raise Absent("The workspace has no such source.")
            found = await connection.execute(select(func.count()).select_from(source_key).where(*of_kind))
            return int(found.scalar_one())

    async def add_key(self, new: NewKey, key_id: UUID, at: datetime) -> None:
        """Raises: Conflict, code key_taken, when the key is in use already, in whichever workspace; Busy."""
        try:
            async with self._database.transaction(new.workspace) as connection:
                await connection.execute(
                    insert(source_key).values(
                        workspace_id=new.workspace,
                        key_id=key_id,
                        source_id=new.source,
                        kind=new.kind,
                        hash=new.digest,
                        hint=new.hint,
                        may_import=new.may_import,
                        actor=new.actor,
                        created_at=at,
                    )
                )
        except IntegrityError as error:
            raise Conflict("The key is in use already.", code="key_taken") from error

    async def revoke(self, workspace: str, key_id: UUID, at: datetime) -> None:
        """The key is good for nothing from now on; revoking twice is harmless. Raises: Absent; Busy."""
        async with self._database.transaction(workspace) as connection:
            found = await connection.execute(
                update(source_key)
                .where(source_key.c.workspace_id == workspace, source_key.c.key_id == key_id)
                .values(revoked_at=func.coalesce(source_key.c.revoked_at, at))
            )
        if found.rowcount == 0:
            raise Absent("The workspace has no such key.")


def _keys() -> Select[Any]:
    both = (source_key.c.workspace_id == source.c.workspace_id) & (source_key.c.source_id == source.c.source_id)
    return select(
        source_key.c.hash,
        source_key.c.workspace_id,
        source_key.c.source_id,
        source.c.kind.label("source_kind"),
        source_key.c.kind,
        source_key.c.may_import,
        source_key.c.actor,
        source.c.currency,
        source.c.origins,
        (source_key.c.revoked_at.is_(None) & source.c.disabled_at.is_(None)).label("is_active"),
    ).join_from(source_key, source, both)


def _key(row: Any) -> SourceKey:
    actor: KeyActor | None = row["actor"]
    return SourceKey(
        row["workspace_id"],
        row["source_id"],
        row["source_kind"],
        row["kind"],
        row["may_import"],
        actor,
        row["currency"],
        tuple(row["origins"]),
        row["is_active"],
    )
