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

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator

from kizashi_common.bus.kafka_settings import Security, SecurityProtocol
from kizashi_common.errors import Fault, Invalid

PREFIX: Final = "KIZASHI_"
FILE: Final = "_FILE"


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
        settings, faults = cls.judged(environment)
        if settings is None:
            raise unacceptable(faults)
        return settings

    @classmethod
    def judged(cls, environment: Mapping[str, str]) -> tuple[Self | None, tuple[Fault, ...]]:
        """The settings found in the environment, or None and every fault of them."""
        found: dict[str, Any] = {}
        faults: list[Fault] = []
        for field in cls.model_fields:
            try:
                value = value_of(setting_name(field), environment)
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "it is no text"
                faults.append(Fault(setting_name(field), "unreadable", f"its file cannot be read: {reason}"))
                continue
            if value is not None:
                found[field] = value
        try:
            settings = cls.model_validate(found)
        except ValidationError as error:
            unread = {fault.pointer for fault in faults}
            faults.extend(fault for fault in map(_fault, error.errors()) if fault.pointer not in unread)
        return (None, tuple(faults)) if faults else (settings, ())

    @classmethod
    def names(cls) -> frozenset[str]:
        """Every environment name that these settings know."""
        plain = {setting_name(field) for field in cls.model_fields}
        return frozenset(plain | {name + FILE for name in plain})

    @classmethod
    def secrets(cls) -> frozenset[str]:
        """The environment names of those that never print."""
        return frozenset(
            setting_name(name) for name, field in cls.model_fields.items() if field.annotation is SecretStr
        )


def value_of(name: str, environment: Mapping[str, str]) -> str | None:
    """A setting as text, said plainly or in the file that is named instead. Raises: OSError, UnicodeDecodeError."""
    if name in environment:
        return environment[name]
    path = environment.get(name + FILE)
    return Path(path).read_text(encoding="utf-8").strip() if path else None


def _fault(detail: Any) -> Fault:
    field = str(detail["loc"][0]) if detail["loc"] else ""
    return Fault(setting_name(field), "missing" if detail["type"] == "missing" else "invalid", str(detail["msg"]))


def unacceptable(faults: Iterable[Fault]) -> Invalid:
    """The refusal that names every fault, each once: services share settings."""
    listed = tuple({fault.pointer: fault for fault in reversed([*faults])}.values())[::-1]
    said = "; ".join(f"{fault.pointer}: {fault.detail}" for fault in listed)
    return Invalid(f"The settings are not acceptable: {said}", faults=listed, code="settings")


def unknown(environment: Mapping[str, str], classes: Iterable[type[Settings]], also: Iterable[str] = ()) -> list[Fault]:
    """A fault for each `KIZASHI_` name that nobody reads."""
    known = frozenset().union(*(cls.names() for cls in classes), also)
    names = sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
    return [Fault(name, "unknown", "no service knows this setting") for name in names]


def refuse_unknown(environment: Mapping[str, str], classes: Iterable[type[Settings]], also: Iterable[str] = ()) -> None:
    """Stops the start on a `KIZASHI_` name that nobody reads.

    Raises: Invalid naming every such setting.
    """
    faults = unknown(environment, classes, also)
    if faults:
        names = ", ".join(fault.pointer for fault in faults)
        raise Invalid(f"Unknown settings: {names}", faults=tuple(faults), code="settings")


class BrokerSettings(Settings):
    """Where the broker is, and how it is reached."""

    kafka_bootstrap_servers: str = Field(min_length=1, description="host:port, comma separated")
    kafka_security_protocol: SecurityProtocol = Field(
        default="PLAINTEXT", description="SSL: encrypted; SASL_SSL: encrypted, with a login (SCRAM-SHA-512)"
    )
    kafka_user: str = Field(default="", description="who logs in, for SASL_SSL")
    kafka_password: SecretStr = Field(default=SecretStr(""), description="its password, for SASL_SSL")
    kafka_ca: str = Field(
        default="", description="PEM of who signed the brokers' certificates; empty: those that the system trusts"
    )
    env: str = Field(
        default="development", pattern="^(development|production)$", description="production refuses unsafe defaults"
    )
    allow_single_node: bool = Field(default=False, description="production may have one broker, hence no copies")

    @field_validator("kafka_user", "kafka_password")
    @classmethod
    def _is_said(cls, value: Any, info: ValidationInfo) -> Any:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if info.data.get("kafka_security_protocol") == "SASL_SSL" and not text:
            raise ValueError("is needed for SASL_SSL")
        return value

    @field_validator("kafka_ca")
    @classmethod
    def _is_pem(cls, value: str) -> str:
        if value and "-----BEGIN CERTIFICATE-----" not in value:
            raise ValueError("must be certificates in PEM")
        return value

    @property
    def security(self) -> Security:
        """How the broker is reached."""
        return Security(
            self.kafka_security_protocol, self.kafka_user, self.kafka_password.get_secret_value(), self.kafka_ca
        )


class ProcessSettings(BrokerSettings):
    """What every process needs, whichever services it runs."""

    database_url: SecretStr = Field(description="postgresql://role:password@host:port/name of this service's role")
    kafka_profile: str = Field(default="kafka", pattern="^(kafka|volatile)$", description="kafka: idempotent producing")
    kafka_static_member: bool = Field(
        default=True, description="keep partitions through a restart; false where a name never comes back"
    )
    log_format: str = Field(
        default="json", pattern="^(json|text)$", description="one JSON object a line, or plain text"
    )
    failpoints: str = Field(default="", description="names of steps at which the process ends; tests only")
    node: str = Field(
        default="local", pattern="^[a-z0-9-]{1,63}$", description="this process's name in logs and groups"
    )
    commit: str = Field(default="unknown", description="the revision that was built; the image says it")
    listen_host: str = Field(default="0.0.0.0", description="where the ports of a single service listen")  # noqa: S104
    public_port: int = Field(default=8000, ge=1, le=65_535, description="port of what the world reaches")
    internal_port: int = Field(default=8001, ge=1, le=65_535, description="port of what other services reach")
    ops_port: int = Field(default=9000, ge=1, le=65_535, description="port of probes and metrics; never public")

    @property
    def owner(self) -> str:
        """The name under which slots are claimed."""
        return self.node
