"""What a source key may do, and where in a request it is looked for.

The first place wins, so that a key moved to another place means the same; two that differ are worth a warning, since
somebody's events are about to land in somebody else's source.

Source: INGEST.md 3.1 and 15.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from kizashi_common.contracts.commands.ingest import SourceKind
from kizashi_common.errors import Denied, Fault, Invalid
from kizashi_common.keys import SourceKeyKind

KeyActor = Literal["service", "import"]

_ID: Final = re.compile(r"[a-z0-9_-]{1,40}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_QUERY: Final = ("writeKey", "access_token", "api_key", "token")
BODY_MEMBERS: Final = ("writeKey", "api_key", "token")


@dataclass(frozen=True, slots=True)
class SourceKey:
    """A known key: whose it is and what it may do. `is_active` is false for a revoked key or a disabled source."""

    workspace: str
    source: str
    source_kind: SourceKind
    kind: SourceKeyKind
    may_import: bool = False
    actor: KeyActor | None = None
    currency: str | None = None
    origins: tuple[str, ...] = ()
    is_active: bool = True

    def admits_origin(self, origin: str | None) -> bool:
        """A source that lists origins takes browsers of those only. That stops mistakes, not forgers."""
        return origin is None or not self.origins or origin in self.origins


def key_in_head(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    """The key that header or query name, known before a byte of the body is read.

    Shape: header names in lower case.
    Raises: Denied when the Authorization header holds no readable key.
    """
    authorization = headers.get("authorization", "").strip()
    if authorization:
        found = _from_authorization(authorization)
        if found:
            return found
    return headers.get("x-write-key") or next((query[name] for name in _QUERY if query.get(name)), None)


def _from_authorization(value: str) -> str | None:
    scheme, _, rest = value.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip() or None
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = b64decode(rest.strip(), validate=True).decode().partition(":")
    except (Error, ValueError) as error:
        raise Denied("The Authorization header is not readable.", code="invalid_key") from error
    return user or password or None


def key_in_body(members: Mapping[str, Any]) -> str | None:
    """The key among the outer object's members."""
    found = (members.get(name) for name in BODY_MEMBERS)
    return next((value for value in found if isinstance(value, str) and value), None)


@dataclass(frozen=True, slots=True)
class NewSource:
    """A stream of events to be: `currency` is what a bare amount of money is in."""

    workspace: str
    source: str
    name: str
    kind: SourceKind
    origins: tuple[str, ...] = ()
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be stored: its hash, never itself."""

    workspace: str
    source: str
    kind: SourceKeyKind
    digest: bytes
    hint: str
    may_import: bool = False
    actor: KeyActor | None = None


def checked_source(new: NewSource) -> NewSource:
    """The source, when its names are good for topics and rows.

    Raises: Invalid with every fault.
    """
    faults = [
        Fault(f"/{member}", "invalid", "An id is a-z, 0-9, _ and -, at most 40 characters.")
        for member, value in (("workspace", new.workspace), ("source", new.source))
        if _ID.fullmatch(value) is None
    ]
    if not 1 <= len(new.name) <= 200:
        faults.append(Fault("/name", "invalid", "A name has 1 to 200 characters."))
    if new.kind not in get_args(SourceKind):
        faults.append(Fault("/kind", "invalid", f"A kind is one of {', '.join(get_args(SourceKind))}."))
    if new.currency is not None and _CURRENCY.fullmatch(new.currency) is None:
        faults.append(Fault("/currency", "invalid", "A currency has three capital letters."))
    if faults:
        raise Invalid("The source is not acceptable.", faults=tuple(faults))
    return new
