"""The rule document: whom it speaks of, when it begins to hold, when it ends, how long, how bad, and its own tests.

The same text in a file, the API and the console. What a person can write is checked here, every fault at once with
its pointer; what the engine reads is the compiled form.

Source: ALERTS.md 2.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from kizashi_alerts.domain.duration import Elapsed, elapsed
from kizashi_common.contracts.alerts import AlertKind, Severity
from kizashi_common.contracts.scores import SignalValue

KIND: Final = "risk|expansion|renewal|adoption|data"
_PATTERN: Final = r"^[a-z0-9_*]+(\.[a-z0-9_*]+)*(@(info|low|high|critical))?$"
_LIVE: Final = "!(account.lifecycle in ['churned', 'paused', 'internal'])"
_DAY: Final = "3d"

Text = Annotated[str, Field(min_length=1, max_length=4_000)]
Pattern = Annotated[str, Field(pattern=_PATTERN, max_length=120)]
SignalName = Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$", max_length=80)]


class Part(BaseModel):
    """A part of a document: frozen, and refusing what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Words(Part):
    """A text for people, in both languages."""

    en: str = Field(min_length=1, max_length=200)
    ja: str = Field(min_length=1, max_length=200)


class Graded(Part):
    """How bad: the base, or the highest level whose expression is TRUE."""

    base: Severity = "low"
    low_if: Text | None = None
    high_if: Text | None = None
    critical_if: Text | None = None

    @property
    def raised(self) -> tuple[tuple[Severity, str], ...]:
        """The levels with an expression, worst first."""
        levels: tuple[tuple[Severity, str | None], ...] = (
            ("critical", self.critical_if),
            ("high", self.high_if),
            ("low", self.low_if),
        )
        return tuple((level, text) for level, text in levels if text is not None)


class Needs(Part):
    """What a signal must be to be read: `coverage` a share from 0 to 1, and not older than `max_age`."""

    coverage: float = Field(default=0.0, ge=0.0, le=1.0)
    max_age: Elapsed = elapsed("36h")


class OnUnknown(Part):
    """After how long without an answer an alert is marked as resting on stale data."""

    flag_after: Elapsed = elapsed("5d")


class Storm(Part):
    """How many openings of one day pass: at least `min`, and `share` of the subjects."""

    min: int = Field(default=20, ge=1, le=100_000)
    share: float = Field(default=0.02, ge=0.0, le=1.0)


class TestStep(Part):
    """A snapshot of a rule's own test: what changed since the step before."""

    __test__ = False
    at: Elapsed
    signals: dict[SignalName, SignalValue] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "signals" in data:
            return data
        return {"at": data.get("at"), "signals": {name: value for name, value in data.items() if name != "at"}}


class RuleTest(Part):
    """A story with its end: published only when it ends so."""

    name: str = Field(min_length=1, max_length=200)
    steps: tuple[TestStep, ...] = Field(min_length=1, max_length=100)
    expect: Literal["inactive", "pending", "active", "recovering", "unknown"]


class Rule(Part):
    """One rule. `key` is `<kind>.<name>` and part of the identity of its alerts: never reused for another meaning."""

    kind: Literal["rule"] = "rule"
    key: str = Field(pattern=rf"^({KIND})\.[a-z0-9_]{{1,60}}$")
    title: Words
    subject: Literal["account", "source"] = "account"
    applies_to: Text | None = None
    guard: Text | None = None
    enter: Text
    exit: Text | None = None
    for_: Elapsed = Field(default=elapsed("0s"), alias="for")
    min_evals: int = Field(default=1, ge=1, le=1_000)
    clear_for: Elapsed = elapsed(_DAY)
    cool_down: Elapsed = elapsed("14d")
    severity: Graded = Graded()
    needs: Needs = Needs()
    on_unknown: OnUnknown = OnUnknown()
    each: SignalName | None = None
    covers: tuple[Pattern, ...] = ()
    covered_by: tuple[Pattern, ...] = ()
    storm: Storm | Literal["exempt"] = Storm()
    playbook: str | None = Field(default=None, pattern=r"^[a-z0-9-]{1,60}$")
    explain: tuple[SignalName, ...] = Field(default=(), max_length=20)
    tests: tuple[RuleTest, ...] = Field(default=(), max_length=50)

    @field_validator("severity", mode="before")
    @classmethod
    def _plain_severity(cls, value: Any) -> Any:
        return {"base": value} if isinstance(value, str) else value

    @property
    def population(self) -> str:
        """Whom the rule speaks of."""
        return self.applies_to or (_LIVE if self.subject == "account" else "true")

    @property
    def alert_kind(self) -> AlertKind:
        """The first part of the key."""
        return self.key.partition(".")[0]  # type: ignore[return-value]  # the key's pattern lets through no other
