"""The gateway's own tables: workspaces, members, API keys, the audit log.

Source: GATEWAY.md 2.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.ext.asyncio import AsyncConnection

from kizashi_common.db.database import Database
from kizashi_common.db.repeats import Once, claim_for_secret
from kizashi_common.db.tables import gateway as t
from kizashi_common.errors import Absent, StaleVersion
from kizashi_gateway.domain.access import Role
from kizashi_gateway.domain.audit import Entry
from kizashi_gateway.domain.credential import ApiKey


@dataclass(frozen=True)
class Member:
    """A person who signs in."""

    workspace: str
    member_id: UUID
    name: str
    mail: str | None
    role: Role


@dataclass(frozen=True)
class KeyInUse:
    """All that a request with a key must be judged by."""

    key: ApiKey
    creator: Member
    digests: tuple[bytes, ...]


@dataclass(frozen=True)
class Founding:
    """All that makes a workspace."""

    name: str
    admin: Member
    key: ApiKey
    digest: bytes
    record: Entry
    record_id: UUID


class Store:
    """Reads and writes schema `gateway`.

    Every method sets the workspace for its own transaction and names it in its statement too: row-level security is
    the second wall, not the only one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def found(self, founding: Founding) -> bool:
        """Makes a workspace with its admin, the admin's key and the record of it, in one transaction.

        False when the workspace exists; nothing is changed then.
        """
        admin, at = founding.admin, founding.key.created_at
        async with self._database.transaction(admin.workspace) as connection:
            made = await connection.execute(
                insert_or(t.workspace)
                .values(workspace_id=admin.workspace, name=founding.name, created_at=at)
                .on_conflict_do_nothing()
                .returning(t.workspace.c.workspace_id)
            )
            if made.first() is None:
                return False
            await connection.execute(insert(t.member).values({**_row_of(admin), "created_at": at}))
            await _insert_key(connection, founding.key, founding.digest)
            await connection.execute(
                insert(t.audit).values({**_row_of(founding.record), "audit_id": founding.record_id})
            )
        return True

    async def workspace_name(self, workspace: str) -> str:
        """What people call it."""
        query = select(t.workspace.c.name).where(t.workspace.c.workspace_id == workspace)
        async with self._database.transaction(workspace, read_only=True) as connection:
            return str(await connection.scalar(query) or workspace)

    async def member(self, workspace: str, member_id: UUID) -> Member | None:
        """A member of the workspace."""
        query = select(t.member).where(t.member.c.workspace_id == workspace, t.member.c.member_id == member_id)
        async with self._database.transaction(workspace, read_only=True) as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else _member(row)

    async def first_admin(self, workspace: str) -> Member:
        """The admin that was made first: whom a local start signs in.

        Raises: Absent when the workspace has none.
        """
        c = t.member.c
        query = (
            select(t.member).where(c.workspace_id == workspace, c.role == "admin").order_by(c.created_at, c.member_id)
        )
        async with self._database.transaction(workspace, read_only=True) as connection:
            row = (await connection.execute(query.limit(1))).first()
        if row is None:
            raise Absent(f"The workspace {workspace} has no admin.")
        return _member(row)

    async def workspace_of(self, credential: str, kind: str) -> str | None:
        """Which workspace a credential belongs to: the one question that is asked before a workspace is known."""
        query = select(t.credential.c.workspace).where(t.credential.c.name == credential, t.credential.c.kind == kind)
        async with self._database.transaction(read_only=True) as connection:
            found: str | None = await connection.scalar(query)
        return found

    async def add_key(self, key: ApiKey, digest: bytes, once: Once | None = None) -> None:
        """Makes a key with its one secret, and remembers the request that asked for it, in one transaction.

        Raises: as `claim_for_secret`.
        """
        async with self._database.transaction(key.workspace) as connection:
            await claim_for_secret(connection, t.idempotency, once, key.created_at, f"key_{key.key_id}")
            await _insert_key(connection, key, digest)

    async def key_in_use(self, workspace: str, key_id: str, now: datetime) -> KeyInUse | None:
        """A key with its live secrets and its creator."""
        k, m, s = t.api_key.c, t.member.c, t.api_key_secret.c
        secrets = (
            select(func.array_agg(s.digest))
            .where(s.workspace_id == workspace, s.key_id == key_id, s.ends_at > now)
            .scalar_subquery()
        )
        query = (
            select(t.api_key, m.name.label("member_name"), m.mail, m.role, secrets)
            .join(t.member, (m.workspace_id == k.workspace_id) & (m.member_id == k.created_by))
            .where(k.workspace_id == workspace, k.key_id == key_id)
        )
        async with self._database.transaction(workspace, read_only=True) as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            return None
        creator = Member(workspace, row.created_by, row.member_name, row.mail, row.role)
        return KeyInUse(_key(row), creator, tuple(row[-1] or ()))

    async def keys(self, workspace: str) -> tuple[ApiKey, ...]:
        """All keys of the workspace, newest first."""
        c = t.api_key.c
        query = select(t.api_key).where(c.workspace_id == workspace).order_by(c.created_at.desc(), c.key_id)
        async with self._database.transaction(workspace, read_only=True) as connection:
            return tuple(_key(row) for row in await connection.execute(query))

    async def key(self, workspace: str, key_id: str) -> ApiKey:
        """One key. Raises: Absent."""
        async with self._database.transaction(workspace, read_only=True) as connection:
            row = (await connection.execute(_one_key(workspace, key_id))).first()
        if row is None:
            raise Absent("There is no such API key.")
        return _key(row)

    async def revoke_key(self, workspace: str, key_id: str, version: int | None, at: datetime) -> ApiKey:
        """Ends a key for good; revoking it again changes nothing.

        Raises: Absent; StaleVersion when it is not at `version` any more.
        """
        async with self._database.transaction(workspace) as connection:
            row = (await connection.execute(_one_key(workspace, key_id).with_for_update())).first()
            if row is None:
                raise Absent("There is no such API key.")
            key = _key(row)
            if version is not None and key.version != version:
                current: dict[str, object] = {"id": f"key_{key.key_id}", "version": key.version}
                raise StaleVersion(f"The key is at version {key.version}, you sent {version}.", current=current)
            if key.revoked_at is not None:
                return key
            changed = await connection.execute(
                update(t.api_key)
                .where(t.api_key.c.workspace_id == workspace, t.api_key.c.key_id == key_id)
                .values(revoked_at=at, version=key.version + 1)
                .returning(t.api_key)
            )
            return _key(changed.one())

    async def saw_key(self, workspace: str, key_id: str, at: datetime, precision: timedelta) -> None:
        """Keeps when a key was last used, at most one write per `precision`."""
        c = t.api_key.c
        async with self._database.transaction(workspace) as connection:
            await connection.execute(
                update(t.api_key)
                .where(
                    c.workspace_id == workspace,
                    c.key_id == key_id,
                    func.coalesce(c.last_used_at, at - precision) <= at - precision,
                )
                .values(last_used_at=at)
            )

    async def record(self, entry: Entry, audit_id: UUID) -> None:
        """Appends a row to the audit log."""
        async with self._database.transaction(entry.workspace) as connection:
            await connection.execute(insert(t.audit).values({**_row_of(entry), "audit_id": audit_id}))


async def _insert_key(connection: AsyncConnection, key: ApiKey, digest: bytes) -> None:
    await connection.execute(insert(t.api_key).values({**_row_of(key), "scopes": list(key.scopes)}))
    await connection.execute(
        insert(t.api_key_secret).values(
            workspace_id=key.workspace,
            key_id=key.key_id,
            digest=digest,
            created_at=key.created_at,
            ends_at=key.ends_at,
        )
    )
    await connection.execute(
        insert(t.credential).values(name=key.key_id, kind="api_key", workspace=key.workspace, ends_at=key.ends_at)
    )


def _row_of(value: Member | ApiKey | Entry) -> dict[str, Any]:
    """The columns of a value; the workspace's column is named for its id."""
    row = asdict(value)
    row["workspace_id"] = row.pop("workspace")
    return row


def _one_key(workspace: str, key_id: str) -> Select[Any]:
    return select(t.api_key).where(t.api_key.c.workspace_id == workspace, t.api_key.c.key_id == key_id)


def _member(row: Row[Any]) -> Member:
    return Member(row.workspace_id, row.member_id, row.name, row.mail, row.role)


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        workspace=row.workspace_id,
        key_id=row.key_id,
        name=row.name,
        scopes=tuple(row.scopes),
        created_by=row.created_by,
        created_at=row.created_at,
        ends_at=row.ends_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
        version=row.version,
    )
