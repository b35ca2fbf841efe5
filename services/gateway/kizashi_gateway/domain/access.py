"""Who may do what: roles are named sets of scopes, and a caller is a workspace with a set of scopes.

Source: GATEWAY.md 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from kizashi_common.contracts.ids import shown
from kizashi_common.errors import Denied

Role = Literal["viewer", "csm", "manager", "admin"]


def _scopes(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_VIEWER: Final = frozenset(
    f"{name}:read"
    for name in _scopes(
        "accounts users contacts scores segments models rules alerts playbooks tasks renewals features reports plans"
        " notes tickets surveys facts sources data views config"
    )
)

_CSM: Final = _VIEWER | _scopes(
    "accounts:write users:write contacts:write notes:write tasks:write alerts:act renewals:write tickets:write"
    " plans:write surveys:write views:write reports:create exports:create"
)

_MANAGER: Final = _CSM | _scopes(
    "models:write rules:write playbooks:write segments:write facts:write features:write data:write alerts:admin"
    " config:plan imports:create webhooks:read audit:read"
)

_ADMIN: Final = _MANAGER | _scopes(
    "models:publish rules:publish playbooks:publish segments:publish config:apply sources:write keys:read"
    " keys:write members:read members:write webhooks:write webhooks:secrets privacy:erase"
)

SCOPES: Final[dict[Role, frozenset[str]]] = {
    "viewer": _VIEWER,
    "csm": _CSM,
    "manager": _MANAGER,
    "admin": _ADMIN,
}
"""What each role may do; each contains the one before it."""

ALL_SCOPES: Final = tuple(sorted(_ADMIN))
"""Every scope there is."""


@dataclass(frozen=True)
class Caller:
    """An authenticated caller. The workspace comes from the credential alone, never from the request.

    `actor` is what other services and the audit log record: `mem_…` for a person, `key_…` for an API key. `csrf` is
    set for a session only: a browser sends its cookie by itself, so a write must prove that a page of ours sent it.
    """

    workspace: str
    actor: str
    member_id: UUID
    name: str
    mail: str | None
    role: Role
    scopes: frozenset[str]
    csrf: str | None = None

    @property
    def is_session(self) -> bool:
        """A person with a cookie, not a program with a key."""
        return self.csrf is not None

    @property
    def member(self) -> str:
        """The member's id as shown."""
        return shown("mem", self.member_id)

    def must(self, scope: str) -> None:
        """Raises: Denied code `scope_missing`, naming the scope."""
        if scope not in self.scopes:
            raise Denied(f"This needs the scope {scope}.", code="scope_missing")

    @property
    def owner_names(self) -> frozenset[str]:
        """How facts may name this member as the owner of an account."""
        return frozenset(filter(None, (self.member, self.name, self.mail)))


def unknown_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    """Those that no role has: a typing error, or a wish for a later version."""
    return tuple(sorted(set(scopes) - _ADMIN))


def beyond(caller: Caller, scopes: Iterable[str]) -> tuple[str, ...]:
    """Those that the caller lacks: a key can never hold a scope its creator lacks."""
    return tuple(sorted(set(scopes) - caller.scopes))


def is_same_origin(origin: str | None, host: str | None, public_url: str) -> bool:
    """Whether a write with a cookie comes from a page of ours.

    `host` is what the browser asked for, `public_url` what people type where a proxy in between changes the host. No
    `Origin` is no proof: browsers send it with every write.
    """
    if origin is None:
        return False
    return origin == public_url or (bool(host) and origin.partition("://")[2] == host)
