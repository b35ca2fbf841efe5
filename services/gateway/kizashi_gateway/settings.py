"""What the gateway is told by its environment.

Source: OPERATIONS.md 0 and 1; GATEWAY.md 2.
"""

from __future__ import annotations

from base64 import b64decode
from hashlib import sha256
from hmac import new as hmac_new

from pydantic import Field, SecretStr, field_validator

from kizashi_common.runtime.settings import Settings


class GatewaySettings(Settings):
    """Addresses of the owners, the address that people type, and the keys that sign."""

    health_url: str = Field(
        default="http://127.0.0.1:7303", pattern="^https?://", description="health's internal address"
    )
    alerts_url: str = Field(
        default="http://127.0.0.1:7304", pattern="^https?://", description="alerts' internal address"
    )
    service_token: SecretStr = Field(min_length=16, description="shared by the services of one installation")
    public_url: str = Field(
        default="http://127.0.0.1:7300",
        pattern="^https?://[^/]+$",
        description="the console's address as people type it; https makes cookies Secure and sends HSTS",
    )
    master_keys: SecretStr = Field(
        min_length=1, description="base64 of 32 bytes each, comma separated; the first signs"
    )
    witness_seconds: float = Field(
        default=15, ge=0.05, le=300, description="how often it is looked how far the input is complete, in seconds"
    )

    @field_validator("master_keys")
    @classmethod
    def _are_keys(cls, value: SecretStr) -> SecretStr:
        for text in value.get_secret_value().split(","):
            if len(b64decode(text.strip(), validate=True)) != 32:
                raise ValueError("each key must be the base64 of 32 bytes")
        return value

    @property
    def cursor_key(self) -> bytes:
        """A key for cursors only, derived from the first master key, so that a weakness of one use stays there."""
        first = b64decode(self.master_keys.get_secret_value().split(",")[0].strip())
        return hmac_new(first, b"kizashi.gateway.cursor.v1", sha256).digest()

    @property
    def is_secure(self) -> bool:
        """Whether people reach the console over TLS."""
        return self.public_url.startswith("https://")

    @property
    def cookie(self) -> str:
        """The session cookie's name; browsers refuse `__Host-` without TLS, hence the plain one on loopback."""
        return "__Host-kizashi" if self.is_secure else "kizashi"
