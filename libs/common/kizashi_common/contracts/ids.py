"""Ids that are functions of names, and ids that are functions of time and chance.

Accounts and users get UUIDv5 of workspace and external id, so that every service, every build and every replay knows
them without asking (HEALTH.md 5). What is born here (alerts, deliveries, keys) gets a UUIDv7 from the instant and the
random bits handed in: nothing in this module reads a clock or a random source.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import NewType
from uuid import NAMESPACE_URL, UUID, uuid5

from kizashi_common.errors import Invalid

WorkspaceId = NewType("WorkspaceId", str)
SourceId = NewType("SourceId", str)
ExternalId = NewType("ExternalId", str)

_HEX = re.compile("[0-9a-f]{32}")

NewUuid = Callable[[], UUID]
"""Makes a fresh UUIDv7; made by `compose.py` from clock and chance, handed to whoever gives birth to objects."""


@lru_cache(maxsize=1024)
def _workspace_namespace(workspace: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"urn:kizashi:{workspace}")


def account_uuid(workspace: str, external_id: str) -> UUID:
    """The account's id, equal in every service and build.

    Source: HEALTH.md 5.
    """
    return uuid5(_workspace_namespace(workspace), f"account:{external_id}")


def user_uuid(workspace: str, user_id: str) -> UUID:
    """The user's id, equal in every service and build."""
    return uuid5(_workspace_namespace(workspace), f"user:{user_id}")


def shown(prefix: str, value: UUID) -> str:
    """An id as people and clients see it: prefix, underscore, 32 hex digits."""
    return f"{prefix}_{value.hex}"


def parsed(prefix: str, text: str) -> UUID:
    """The UUID behind a shown id.

    Raises: Invalid when the text is not such an id; the caller answers 404, since no object can have that name.
    """
    head, _, digits = text.partition("_")
    if head != prefix or _HEX.fullmatch(digits) is None:
        raise Invalid(f"{text[:80]!r} is not an id of the form {prefix}_<32 hex digits>.")
    return UUID(hex=digits)


def uuid7(at: datetime, chance: bytes) -> UUID:
    """A UUID that sorts by time.

    Shape: `chance` has at least 10 random bytes.
    Source: RFC 9562, section 5.7.
    """
    milliseconds = int(at.timestamp() * 1000)
    bits = (milliseconds << 80) | int.from_bytes(chance[:10], "big")
    bits = (bits & ~(0xF << 76)) | (0x7 << 76)
    bits = (bits & ~(0x3 << 62)) | (0x2 << 62)
    return UUID(int=bits)
