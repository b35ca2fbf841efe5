"""A new workspace: the tenant, the admin who runs it, and that admin's first key.

Source: GATEWAY.md 2, "Local mode"; OPERATIONS.md 1.6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from kizashi_common.contracts.ids import NewUuid, shown
from kizashi_common.db.database import Database
from kizashi_common.errors import Conflict, Invalid
from kizashi_common.runtime.service import Chance, Clock
from kizashi_gateway.adapters.store import Founding, Member, Store
from kizashi_gateway.application.keys import NewKey, born
from kizashi_gateway.domain.access import ALL_SCOPES, SCOPES, Caller
from kizashi_gateway.domain.audit import Entry

_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")


@dataclass(frozen=True)
class NewWorkspace:
    """What is wanted: an id for addresses and keys, a name for people, and who runs it.

    `admin_key` is empty, or a key that whoever installs has made.
    """

    id: str
    name: str
    admin_name: str = "Admin"
    admin_mail: str | None = None
    admin_key: str = field(default="", repr=False)


@dataclass(frozen=True)
class Founded:
    """What came into being. `admin_key` is the only copy of its secret: show it once, keep it nowhere."""

    workspace: str
    admin: UUID
    admin_key: str


async def create_workspace(
    database: Database, clock: Clock, chance: Chance, new_uuid: NewUuid, wanted: NewWorkspace
) -> Founded:
    """Makes a workspace with an admin member and an admin API key, all or nothing. `database` is the gateway's role.

    Raises: Invalid when the id is not 1-32 lower-case letters, digits and inner hyphens, or the given key is none;
        Conflict code `key_taken` when it exists.
    """
    if _ID.fullmatch(wanted.id) is None:
        raise Invalid(f"{wanted.id!r} cannot name a workspace: use 1-32 lower-case letters, digits, inner hyphens.")
    now = clock()
    admin = Member(wanted.id, new_uuid(), wanted.admin_name, wanted.admin_mail, "admin")
    made = born(_founder(admin), NewKey("First admin key", ALL_SCOPES), now, chance, wanted.admin_key)
    record = Entry(wanted.id, "", "result", "system", "workspace.create", wanted.id, {}, "", now, "done")
    founding = Founding(wanted.name, admin, made.key, made.digest, record, new_uuid())
    if not await Store(database).found(founding):
        raise Conflict(f"The workspace {wanted.id} exists already.", code="key_taken")
    return Founded(wanted.id, admin.member_id, made.text)


def _founder(admin: Member) -> Caller:
    return Caller(
        workspace=admin.workspace,
        actor=shown("mem", admin.member_id),
        member_id=admin.member_id,
        name=admin.name,
        mail=admin.mail,
        role=admin.role,
        scopes=SCOPES[admin.role],
    )
