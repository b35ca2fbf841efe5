"""Health's settings: read here, nowhere else."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, SecretStr

from kizashi_common.runtime.settings import Settings


class HealthSettings(Settings):
    """How health counts, scores and answers."""

    service_token: SecretStr = Field(description="what services show each other on their internal addresses")
    kafka_profile: str = Field(
        default="kafka", pattern="^(kafka|volatile)$", description="volatile: a replaced log is adopted by itself"
    )
    scores_publish_every_ms: int = Field(
        default=900_000,
        ge=0,
        le=86_400_000,
        description="at most one ordinary score message per account in so long (ms)",
    )
    flush_at_least_ms: int = Field(default=100, ge=10, le=10_000, description="shortest time between flushes (ms)")
    flush_at_most_ms: int = Field(default=5_000, ge=100, le=60_000, description="longest time before a flush (ms)")
    scoring_share: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="share of its time that scoring may take while events come; 0: count alone, scores wait",
    )
    census_every_ms: int = Field(default=1_000, ge=50, le=60_000, description="how often a new day is looked for (ms)")
    state_max_accounts: int = Field(
        default=50_000, ge=100, le=5_000_000, description="accounts of one partition kept in memory"
    )
    dedupe_cache_ids: int = Field(
        default=1_000_000, ge=10_000, le=100_000_000, description="message ids of one partition in memory"
    )

    @property
    def publish_every(self) -> timedelta:
        """How rarely an ordinary score message is sent."""
        return timedelta(milliseconds=self.scores_publish_every_ms)
