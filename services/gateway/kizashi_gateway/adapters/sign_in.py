"""One-time links and sessions, kept by the digests of their tokens.

Source: GATEWAY.md 2, "Local mode".
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, insert, select, update

from kizashi_common.db.database import Database
from kizashi_common.db.tables import gateway as t
from kizashi_gateway.domain.credential import LINK_LIFE, SESSION_LIFE, Session


class SignIns:
    """Keeps the ways in of people. Names are digests: who reads these tables cannot sign in with what is there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_link(self, workspace: str, link_id: str, member_id: UUID, at: datetime) -> None:
        """Makes a link that works once within ten minutes."""
        ends_at = at + LINK_LIFE
        async with self._database.transaction(workspace) as connection:
            await connection.execute(
                insert(t.sign_in_link).values(
                    workspace_id=workspace, link_id=link_id, member_id=member_id, created_at=at, ends_at=ends_at
                )
            )
            await connection.execute(
                insert(t.credential).values(name=link_id, kind="sign_in_link", workspace=workspace, ends_at=ends_at)
            )

    async def bearer_of(self, workspace: str, link_id: str, at: datetime) -> UUID | None:
        """The member whom the link would sign in now."""
        c = t.sign_in_link.c
        unused = and_(c.workspace_id == workspace, c.link_id == link_id, c.used_at.is_(None), c.ends_at > at)
        async with self._database.transaction(workspace, read_only=True) as connection:
            found: UUID | None = await connection.scalar(select(c.member_id).where(unused))
        return found

    async def use_link(self, workspace: str, link_id: str, at: datetime) -> UUID | None:
        """The member whom the link signs in, the first time and in time; nothing afterwards."""
        c = t.sign_in_link.c
        async with self._database.transaction(workspace) as connection:
            used: UUID | None = await connection.scalar(
                update(t.sign_in_link)
                .where(c.workspace_id == workspace, c.link_id == link_id, c.used_at.is_(None), c.ends_at > at)
                .values(used_at=at)
                .returning(c.member_id)
            )
            await connection.execute(delete(t.credential).where(t.credential.c.name == link_id))
        return used

    async def add_session(
        self, workspace: str, session_id: str, member_id: UUID, key_id: str | None, at: datetime
    ) -> None:
        """Begins a session; one that was begun with an API key ends with it."""
        ends_at = at + SESSION_LIFE
        async with self._database.transaction(workspace) as connection:
            await connection.execute(
                insert(t.session).values(
                    workspace_id=workspace,
                    session_id=session_id,
                    member_id=member_id,
                    key_id=key_id,
                    created_at=at,
                    seen_at=at,
                    ends_at=ends_at,
                )
            )
            await connection.execute(
                insert(t.credential).values(name=session_id, kind="session", workspace=workspace, ends_at=ends_at)
            )

    async def session(self, workspace: str, session_id: str) -> Session | None:
        """A session, be it over or not."""
        async with self._database.transaction(workspace, read_only=True) as connection:
            row = (await connection.execute(select(t.session).where(_is(workspace, session_id)))).first()
        if row is None:
            return None
        return Session(
            row.workspace_id, row.session_id, row.member_id, row.key_id, row.created_at, row.seen_at, row.ends_at
        )

    async def saw_session(self, workspace: str, session_id: str, at: datetime) -> None:
        """Keeps when it was last used."""
        async with self._database.transaction(workspace) as connection:
            await connection.execute(update(t.session).where(_is(workspace, session_id)).values(seen_at=at))

    async def end_session(self, workspace: str, session_id: str) -> None:
        """Ends a session; ending it again changes nothing."""
        async with self._database.transaction(workspace) as connection:
            await connection.execute(delete(t.session).where(_is(workspace, session_id)))
            await connection.execute(delete(t.credential).where(t.credential.c.name == session_id))

    async def forget_ended(self, now: datetime) -> int:
        """Removes from the directory what can open nothing any more. Answers how many rows went."""
        async with self._database.transaction() as connection:
            gone = await connection.execute(delete(t.credential).where(t.credential.c.ends_at < now))
        return gone.rowcount


def _is(workspace: str, session_id: str) -> ColumnElement[bool]:
    return and_(t.session.c.workspace_id == workspace, t.session.c.session_id == session_id)
