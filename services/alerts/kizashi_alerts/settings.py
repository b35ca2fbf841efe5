"""Alerts' settings: read here, nowhere else."""

from __future__ import annotations

from base64 import b64decode
from ipaddress import IPv4Network, IPv6Network, ip_network

from pydantic import Field, SecretStr, field_validator

from kizashi_common.runtime.settings import Settings


class AlertsSettings(Settings):
    """How alerts judges, tells and delivers."""

    service_token: SecretStr = Field(min_length=16, description="what services show each other on internal addresses")
    health_url: str = Field(
        default="http://127.0.0.1:7303", pattern="^https?://", description="health's internal address"
    )
    public_url: str = Field(
        default="http://127.0.0.1:7300",
        pattern="^https?://[^/]+$",
        description="the console's address as people type it",
    )
    master_keys: SecretStr = Field(
        min_length=1, description="base64 of 32 bytes each, comma separated; the first encrypts, all decrypt"
    )
    egress_allow: str = Field(
        default="", description="CIDRs that webhooks may reach, comma separated; until the address guard, only these"
    )
    kafka_profile: str = Field(
        default="kafka", pattern="^(kafka|volatile)$", description="volatile: a replaced log is adopted by itself"
    )
    node: str = Field(
        default="local", pattern="^[a-z0-9-]{1,63}$", description="this process's name in logs and groups"
    )
    flush_at_least_ms: int = Field(default=100, ge=10, le=10_000, description="shortest time between flushes (ms)")
    flush_at_most_ms: int = Field(default=5_000, ge=100, le=60_000, description="longest time before a flush (ms)")
    webhook_concurrency: int = Field(
        default=32, ge=1, le=500, description="webhooks in flight per pool; a workspace may hold half"
    )

    @field_validator("master_keys")
    @classmethod
    def _are_keys(cls, value: SecretStr) -> SecretStr:
        for text in value.get_secret_value().split(","):
            if len(b64decode(text.strip(), validate=True)) != 32:
                raise ValueError("each key must be the base64 of 32 bytes")
        return value

    @field_validator("egress_allow")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        _networks(value)
        return value

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The master keys, the encrypting one first."""
        return tuple(b64decode(text.strip()) for text in self.master_keys.get_secret_value().split(","))

    @property
    def reachable(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """What webhooks may reach."""
        return _networks(self.egress_allow)


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
