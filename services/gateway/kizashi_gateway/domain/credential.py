"""Secrets as they rest: a digest finds the row, and no row can be turned back into a secret.

256 random bits need no slow hash; that is for weak secrets.

Source: GATEWAY.md 2.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

SECRET_BYTES: Final = 32
LINK_LIFE: Final = timedelta(minutes=10)
SESSION_LIFE: Final = timedelta(hours=12)
SESSION_IDLE: Final = timedelta(hours=1)
KEY_LIFE: Final = timedelta(days=365)
MEMBER_PRECISION: Final = timedelta(minutes=1)
"""How exactly the last use of a session or key is kept: a write for each request would cost more than it says."""


def token(chance: bytes) -> str:
    """A secret for a cookie or a link. Shape: 32 random bytes in, 43 characters out."""
    return urlsafe_b64encode(chance).rstrip(b"=").decode()


def name_of(secret: str) -> str:
    """The name under which a token's row is kept."""
    return sha256(secret.encode()).hexdigest()


def csrf_of(session_token: str) -> str:
    """What a page of this session must send back with a write. Only who can read the cookie could compute it."""
    return hmac.new(session_token.encode(), b"kizashi.csrf.v1", sha256).hexdigest()


@dataclass(frozen=True)
class Session:
    """A signed-in member's session, as it rests."""

    workspace: str
    session_id: str
    member_id: UUID
    key_id: str | None
    created_at: datetime
    seen_at: datetime
    ends_at: datetime

    def is_over(self, now: datetime) -> bool:
        """Twelve hours after it began, or an hour after the last request."""
        return now >= self.ends_at or now >= self.seen_at + SESSION_IDLE


@dataclass(frozen=True)
class ApiKey:
    """An API key as it rests: everything but its secret."""

    workspace: str
    key_id: str
    name: str
    scopes: tuple[str, ...]
    created_by: UUID
    created_at: datetime
    ends_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    version: int

    def refusal(self, now: datetime) -> str | None:
        """Why it no longer opens anything, if so."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if now >= self.ends_at else None
