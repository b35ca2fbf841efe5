"""How people come in: a one-time link, or an admin key for those who run the installation; both give a session.

Source: GATEWAY.md 2, "Members" and "Local mode".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from kizashi_common.contracts.ids import NewUuid, shown
from kizashi_common.db.database import Database
from kizashi_common.errors import Denied, KizashiError
from kizashi_common.runtime.service import Chance, Clock
from kizashi_gateway.adapters.sign_in import SignIns
from kizashi_gateway.adapters.store import Member, Store
from kizashi_gateway.application.keys import Keys
from kizashi_gateway.application.recording import counting_failures
from kizashi_gateway.domain.access import SCOPES, Caller
from kizashi_gateway.domain.audit import Entry
from kizashi_gateway.domain.credential import (
    LINK_LIFE,
    MEMBER_PRECISION,
    SECRET_BYTES,
    Session,
    csrf_of,
    name_of,
    token,
)
from kizashi_gateway.metrics import AUTH_FAILURES

_NOT_SIGNED_IN = "Sign in first."
_MINUTES = int(LINK_LIFE.total_seconds() // 60)
_LINK_IS_OVER = f"This link does not work any more: it works once, within {_MINUTES} minutes."
_OF_ADMINS = "members:write"
"""A right that only admins have, so that a key with it is an admin's."""


async def make_link(
    database: Database,
    clock: Clock,
    chance: Chance,
    *,
    public_url: str,
    workspace: str,
    member_id: UUID | None = None,
) -> str:
    """A link that signs a member in, once, within ten minutes; without `member_id` the workspace's first admin.

    Shape: an absolute URL of the console. Whoever has it is that member, so it is printed to the person who started
    the process, and never logged. `database` is the gateway's role.
    Raises: Absent when the workspace has no admin.
    """
    member = member_id or (await Store(database).first_admin(workspace)).member_id
    secret = token(chance(SECRET_BYTES))
    await SignIns(database).add_link(workspace, name_of(secret), member, clock())
    return f"{public_url}/sign-in/{secret}"


@dataclass(frozen=True)
class Visit:
    """What a request for signing in carries for the log."""

    request_id: str
    address: str


class SignIn:
    """Opens, recognises and ends sessions."""

    def __init__(
        self, sign_ins: SignIns, store: Store, keys: Keys, clock: Clock, chance: Chance, new_uuid: NewUuid
    ) -> None:
        self._sign_ins = sign_ins
        self._store = store
        self._keys = keys
        self._clock = clock
        self._chance = chance
        self._new_uuid = new_uuid

    async def by_link(self, secret: str, visit: Visit) -> str:
        """A session's token for the holder of a link.

        Raises: Denied when the link was used, is too old or was never made; it does not say which.
        """
        link_id, now = name_of(secret), self._clock()
        workspace = await self._store.workspace_of(link_id, "sign_in_link")
        member_id = None if workspace is None else await self._sign_ins.bearer_of(workspace, link_id, now)
        if workspace is None or member_id is None:
            AUTH_FAILURES.labels("unknown").inc()
            raise Denied(_LINK_IS_OVER)
        # Recorded before it is used up: a link must not be lost because the log could not be written.
        async with self._recorded(workspace, shown("mem", member_id), "session.open", visit):
            if await self._sign_ins.use_link(workspace, link_id, now) is None:
                raise Denied(_LINK_IS_OVER)
            return await self._open(workspace, member_id, None)

    async def by_key(self, key: str, visit: Visit) -> str:
        """A session's token for the holder of an admin key; it acts as the key's maker, as far as the key may.

        Raises: Denied when the key is not one, or not an admin's.
        """
        caller = await self._keys.authenticate(key)
        async with self._recorded(caller.workspace, caller.actor, "session.open", visit):
            # Not all the rights of an admin: a key that was made before a release has none that came with it.
            if caller.role != "admin" or _OF_ADMINS not in caller.scopes:
                raise Denied("Only an admin key signs in.")
            return await self._open(caller.workspace, caller.member_id, caller.actor.removeprefix("key_"))

    async def recognise(self, session_token: str) -> Caller:
        """The member behind a cookie. Raises: Denied when the session is over, or its member or key is gone."""
        session_id = name_of(session_token)
        workspace = await self._store.workspace_of(session_id, "session")
        session = None if workspace is None else await self._sign_ins.session(workspace, session_id)
        now = self._clock()
        if session is None or session.is_over(now):
            AUTH_FAILURES.labels("unknown" if session is None else "expired").inc()
            raise Denied(_NOT_SIGNED_IN)
        member, scopes = await self._member_of(session)
        if now - session.seen_at >= MEMBER_PRECISION:
            await self._sign_ins.saw_session(session.workspace, session_id, now)
        return Caller(
            workspace=session.workspace,
            actor=shown("mem", member.member_id),
            member_id=member.member_id,
            name=member.name,
            mail=member.mail,
            role=member.role,
            scopes=scopes,
            csrf=csrf_of(session_token),
        )

    async def end(self, caller: Caller, session_token: str, visit: Visit) -> None:
        """Ends the caller's session."""
        async with self._recorded(caller.workspace, caller.actor, "session.end", visit):
            await self._sign_ins.end_session(caller.workspace, name_of(session_token))

    async def _member_of(self, session: Session) -> tuple[Member, frozenset[str]]:
        """Whose session it is, and what it may: never more than the key that opened it."""
        member = await self._store.member(session.workspace, session.member_id)
        if member is None:
            raise Denied(_NOT_SIGNED_IN)
        scopes = SCOPES[member.role]
        if session.key_id is not None:
            key = await self._store.key(session.workspace, session.key_id)
            scopes &= frozenset(key.scopes)
            refusal = key.refusal(self._clock())
            if refusal is not None:
                AUTH_FAILURES.labels("revoked" if refusal == "revoked" else "expired").inc()
                raise Denied(_NOT_SIGNED_IN)
        return member, scopes

    async def _open(self, workspace: str, member_id: UUID, key_id: str | None) -> str:
        secret = token(self._chance(SECRET_BYTES))
        await self._sign_ins.add_session(workspace, name_of(secret), member_id, key_id, self._clock())
        return secret

    @asynccontextmanager
    async def _recorded(self, workspace: str, actor: str, action: str, visit: Visit) -> AsyncIterator[None]:
        """A row before and a row after what the block does; without the first it does nothing."""
        intent = Entry(workspace, visit.request_id, "intent", actor, action, actor, {}, visit.address, self._clock())
        await self._record(intent)
        try:
            yield
        except KizashiError as error:
            await self._record(intent.result(error.reason, self._clock()))
            raise
        await self._record(intent.result("done", self._clock()))

    async def _record(self, entry: Entry) -> None:
        with counting_failures():
            await self._store.record(entry, self._new_uuid())
