"""What may be asked of health: reads as of a day, the workspace's settings, a reconstruction.

The gateway's REST models and health's `internal.py` both come from here. Paths are relative to the service's internal
address; the caller, its workspace and its actor travel in the signed headers of `http/internal.py`.

Source: HEALTH.md 16; SCORING.md 1.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator

SCORE_PATH: Final = "/internal/v1/accounts/{account}/score"
SIGNALS_PATH: Final = "/internal/v1/accounts/{account}/signals"
SETTINGS_PATH: Final = "/internal/v1/workspace-settings"
RECONSTRUCTIONS_PATH: Final = "/internal/v1/reconstructions"

Profile = Literal["lapse", "cancel"]
ReadBasis = Literal["live", "recomputed"]
CalibrationBasis = Literal["recorded", "inactivity", "stated"]


class Strict(BaseModel):
    """A model that refuses members it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CalibrationAnswer(Strict):
    """The calibration a score was made under: enough to compute the probability again."""

    id: int
    as_of: date = Field(description="The Monday it was made for; only days before it were used.")
    basis: CalibrationBasis
    prior_pace: float = Field(description="Active days per operating day.")
    base_rate: float = Field(description="Share of accounts lost within the horizon, 0 to 1.")
    intercept: float
    slope: float
    typical: dict[str, float] = Field(description="Mean of each weighted term over the population, in logits.")
    accounts: int
    outcomes: int


class PulseAnswer(Strict):
    """The pulse behind a score. Probabilities are of loss within the horizon; points are health points."""

    probability: float
    low: float
    high: float
    health: float
    baseline: float
    points: dict[str, float]
    scale: float = Field(description="What the soft ends of the scale add: baseline + points + scale = health.")
    horizon_days: int
    profile: Profile
    calibration: CalibrationAnswer


class ScoreAnswer(Strict):
    """An account's score as of a day, with everything needed to explain it."""

    account: str
    as_of: date = Field(description="The effective local day; only days before it are used.")
    complete_through: datetime | None
    stale: bool
    basis: ReadBasis
    score: float | None
    band: Literal["good", "watch", "risk"] | None
    evidence: Literal["low", "ok"]
    coverage: float
    model: str
    pulse: PulseAnswer | None


class SignalsAnswer(Strict):
    """Every known signal of an account as of a day; unknown ones are absent."""

    account: str
    as_of: date
    signals: dict[str, bool | float | str | list[str]]


class WorkspaceSettings(Strict):
    """What a workspace says about itself (document `workspace_settings`).

    Units: `monthly_loss` is the share of accounts lost per 30 days; `horizon_days` local days.
    """

    zone: str = Field(default="UTC", description="IANA time zone; a local day is a day of this zone.")
    horizon_days: int = Field(default=30, ge=7, le=365)
    profile: Profile = "lapse"
    monthly_loss: float = Field(default=0.03, gt=0.0, le=0.5)
    days_off: tuple[date, ...] = Field(default=(), max_length=1000, description="Declared days off, weight 0.05.")

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("not a known IANA time zone")
        return value


class SettingsAnswer(Strict):
    """The settings in force, and which version of the document that is (0: the defaults)."""

    version: int
    settings: WorkspaceSettings


class ReconstructionRequest(Strict):
    """Asks for daily rows of the last `days` days, basis `reconstructed`, after an import."""

    days: int = Field(default=90, ge=1, le=400)


class ReconstructionAnswer(Strict):
    """What was written."""

    accounts: int
    rows: int
    from_day: date
    to_day: date
