"""Settings: read once, checked as a whole, explained all at once.

A service declares one frozen class; a field `flush_every_ms` is the setting `KIZASHI_FLUSH_EVERY_MS`, or the content
of the file named by `KIZASHI_FLUSH_EVERY_MS_FILE`. A name that no service of the process knows stops the start, since
a mistyped setting that is silently ignored is found in the worst moment.

Source: OPERATIONS.md 0; ARCHITECTURE.md 8.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from kizashi_common.errors import Fault, Invalid

PREFIX: Final = "KIZASHI_"
_FILE: Final = "_FILE"


def setting_name(field: str) -> str:
    """The environment name of a field."""
    return PREFIX + field.upper()


class Settings(BaseModel):
    """Base of every service's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """The settings found in the environment.

        Raises: Invalid with one fault per setting that is missing, mistyped or out of bounds.
        """
        found: dict[str, Any] = {}
        faults: list[Fault] = []
        for field in cls.model_fields:
            try:
                value = _value(setting_name(field), environment)
            except OSError as error:
                faults.append(Fault(setting_name(field), "unreadable", f"its file cannot be read: {error.strerror}"))
                continue
            if value is not None:
                found[field] = value
        try:
            settings = cls.model_validate(found)
        except ValidationError as error:
            faults.extend(_fault(detail) for detail in error.errors())
        if faults:
            listed = "; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults)
            raise Invalid(f"The settings are not acceptable: {listed}", faults=tuple(faults), code="settings")
        return settings

    @classmethod
    def names(cls) -> frozenset[str]:
        """Every environment name that these settings know."""
        plain = {setting_name(field) for field in cls.model_fields}
        return frozenset(plain | {name + _FILE for name in plain})


def _value(name: str, environment: Mapping[str, str]) -> str | None:
    if name in environment:
        return environment[name]
    path = environment.get(name + _FILE)
    return Path(path).read_text(encoding="utf-8").strip() if path else None


def _fault(detail: Any) -> Fault:
    field = str(detail["loc"][0]) if detail["loc"] else ""
    return Fault(setting_name(field), "missing" if detail["type"] == "missing" else "invalid", str(detail["msg"]))


def refuse_unknown(environment: Mapping[str, str], classes: Iterable[type[Settings]], also: Iterable[str] = ()) -> None:
    """Stops the start on a `KIZASHI_` name that nobody reads.

    Raises: Invalid naming every such setting.
    """
    known = frozenset().union(*(cls.names() for cls in classes), also)
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
    if unknown:
        faults = tuple(Fault(name, "unknown", "no service knows this setting") for name in unknown)
        raise Invalid(f"Unknown settings: {', '.join(unknown)}", faults=faults, code="settings")


class ProcessSettings(Settings):
    """What every process needs, whichever services it runs."""

    database_url: SecretStr = Field(description="postgresql://role:password@host:port/name of this service's role")
    kafka_bootstrap_servers: str = Field(description="host:port, comma separated")
    kafka_profile: str = Field(default="kafka", pattern="^(kafka|volatile)$", description="kafka: idempotent producing")
    env: str = Field(
        default="development", pattern="^(development|production)$", description="production refuses unsafe defaults"
    )
    log_format: str = Field(
        default="json", pattern="^(json|text)$", description="one JSON object a line, or plain text"
    )
    failpoints: str = Field(default="", description="names of steps at which the process ends; tests only")
    node: str = Field(
        default="local", pattern="^[a-z0-9-]{1,63}$", description="this process's name in logs and groups"
    )

    @property
    def owner(self) -> str:
        """The name under which slots are claimed."""
        return self.node
