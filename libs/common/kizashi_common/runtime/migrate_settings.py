"""What `kizashi migrate` is told; the services know these names, since one environment may serve all.

Source: OPERATIONS.md 0.
"""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator

from kizashi_common.bus.topic_plan import TopicPlan
from kizashi_common.keys import is_mistyped, parsed_api_key
from kizashi_common.runtime.settings import BrokerSettings


class MigrateSettings(BrokerSettings):
    """Who may change the database, the passwords of the services' roles, where the topics live, and the first keys."""

    database_url: SecretStr = Field(description="postgresql://account:password@host:port/name, allowed to make roles")
    ingest_password: SecretStr = Field(min_length=8, description="password of the role kizashi_ingest")
    health_password: SecretStr = Field(min_length=8, description="password of the role kizashi_health")
    alerts_password: SecretStr = Field(min_length=8, description="password of the role kizashi_alerts")
    gateway_password: SecretStr = Field(min_length=8, description="password of the role kizashi_gateway")
    topics: str = Field(
        default="manage", pattern="^(manage|check)$", description="make the missing topics, or only look at all"
    )
    kafka_replication: int = Field(default=3, ge=1, le=9, description="copies of each record; no more than brokers")
    first_workspace: str = Field(
        default="",
        pattern="^([a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?)?$",
        description="its id, for life; empty: none is made",
    )
    first_workspace_name: str = Field(default="My workspace", max_length=200, description="its name for people")
    first_admin_key: SecretStr = Field(default=SecretStr(""), description="the first admin's API key, kza_…")
    first_server_key: SecretStr = Field(default=SecretStr(""), description="the first source's server key, kzs_…")

    canary_api_key: SecretStr = Field(
        default=SecretStr(""), description="kza_…: with it the canary's workspace is made"
    )
    canary_server_key: SecretStr = Field(default=SecretStr(""), description="kzs_…: of the source in that workspace")

    @field_validator("first_admin_key", "canary_api_key")
    @classmethod
    def _is_admin_key(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and parsed_api_key(value.get_secret_value()) is None:
            raise ValueError("must be an API key as `scripts/make-env` makes it: kza_…")
        return value

    @field_validator("first_server_key", "canary_server_key")
    @classmethod
    def _is_server_key(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if text and (not text.startswith("kzs_") or is_mistyped(text)):
            raise ValueError("must be a server key as `scripts/make-env` makes it: kzs_…")
        return value

    def passwords(self) -> dict[str, str]:
        """Each role's password."""
        return {
            "kizashi_ingest": self.ingest_password.get_secret_value(),
            "kizashi_health": self.health_password.get_secret_value(),
            "kizashi_alerts": self.alerts_password.get_secret_value(),
            "kizashi_gateway": self.gateway_password.get_secret_value(),
        }

    @property
    def plan(self) -> TopicPlan:
        """What the topics shall look like."""
        return TopicPlan(self.kafka_replication)
