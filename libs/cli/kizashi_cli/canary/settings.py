"""The canary's settings: read here, nowhere else."""

from __future__ import annotations

from pydantic import Field, SecretStr

from kizashi_common.runtime.settings import Settings


class CanarySettings(Settings):
    """Where the canary knocks, with which keys, how often, and how long it waits."""

    canary_ingest_url: str = Field(pattern="^https?://", description="ingest's public address, as SDKs use it")
    canary_gateway_url: str = Field(pattern="^https?://", description="the gateway's public address")
    canary_server_key: SecretStr = Field(min_length=8, description="kzs_…: server key of a source of its own workspace")
    canary_api_key: SecretStr = Field(
        min_length=8, description="kza_…: API key of its own workspace with scores:read and alerts:read"
    )
    canary_score_every_seconds: float = Field(
        default=30.0, ge=1.0, le=3600.0, description="time between two events (s)"
    )
    canary_score_wait_seconds: float = Field(
        default=60.0, ge=1.0, le=900.0, description="longest wait for an event to be counted (s)"
    )
    canary_alert_every_seconds: float = Field(
        default=300.0, ge=1.0, le=3600.0, description="time between two changes of the fact (s)"
    )
    canary_alert_wait_seconds: float = Field(
        default=120.0, ge=1.0, le=900.0, description="longest wait for the alert to open, and again to close (s)"
    )
    commit: str = Field(default="unknown", description="the revision that was built; the image says it")
    log_format: str = Field(
        default="json", pattern="^(json|text)$", description="one JSON object a line, or plain text"
    )
    listen_host: str = Field(default="0.0.0.0", description="where the ports of a single service listen")  # noqa: S104
    ops_port: int = Field(default=9000, ge=1, le=65_535, description="port of probes and metrics; never public")
