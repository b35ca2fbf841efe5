"""What can be set about ingest: `KIZASHI_…`, each with its unit, default and bounds.

Source: INGEST.md 8 and 14; OPERATIONS.md 0.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, SecretStr

from kizashi_common.runtime.settings import Settings
from kizashi_ingest.domain.limits import Limits


class IngestSettings(Settings):
    """Ingest's settings."""

    service_token: SecretStr = Field(min_length=16, description="what our own services show to each other")
    node: str = Field(default="local", pattern="^[a-z0-9-]{1,63}$", description="this process's name")
    heartbeat_seconds: float = Field(default=30, ge=0.05, le=300, description="one round of heartbeats, in seconds")
    key_refresh_seconds: float = Field(default=15, ge=0.05, le=300, description="how often keys are read anew")
    accept_days: int = Field(default=30, ge=1, le=365, description="how old an event may be, in days")
    import_days: int = Field(
        default=3_660, ge=1, le=20_000, description="how old an event may be whose key may import, in days"
    )
    body_max_bytes: int = Field(default=8 * 1_048_576, ge=1_024, le=67_108_864, description="wire size of a body")
    body_inflated_max_bytes: int = Field(
        default=20 * 1_048_576, ge=1_024, le=268_435_456, description="size of a body after inflating"
    )
    batch_max_events: int = Field(default=5_000, ge=1, le=50_000, description="events of one request")
    event_max_bytes: int = Field(default=262_144, ge=1_024, le=524_288, description="size of one event as it came")
    slow_body_seconds: float = Field(
        default=10, ge=0.01, le=120, description="how long the next piece of a body may take"
    )
    ack_seconds: float = Field(default=8, ge=0.1, le=60, description="how long a request waits for Kafka")
    requests_in_flight: int = Field(default=256, ge=1, le=10_000, description="requests worked on at once")
    bodies_in_flight_bytes: int = Field(
        default=256 * 1_048_576,
        ge=1_048_576,
        le=16 * 1_073_741_824,
        description="bytes of bodies held in memory at once",
    )

    @property
    def limits(self) -> Limits:
        """The limits of one request and its events."""
        return Limits(
            wire_bytes=self.body_max_bytes,
            inflated_bytes=self.body_inflated_max_bytes,
            events=self.batch_max_events,
            event_bytes=self.event_max_bytes,
            accept_age=timedelta(days=self.accept_days),
            import_age=timedelta(days=self.import_days),
        )
