"""Production refuses by name what works everywhere and is safe nowhere; elsewhere the same settings pass."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from kizashi_common.runtime.migrate_settings import MigrateSettings
from kizashi_common.runtime.production import unsafe
from kizashi_common.runtime.settings import ProcessSettings, Settings


class Example(Settings):
    """A service's settings."""

    service_token: SecretStr = Field(min_length=16, description="shared by the services")
    master_keys: SecretStr = Field(min_length=1, description="base64 of 32 bytes each")


GOOD = "mZ4uT8qLw2Xe9RbYcV7n"
KEY = b64encode(bytes(range(32))).decode()
SAFE = {
    "KIZASHI_ENV": "production",
    "KIZASHI_KAFKA_BOOTSTRAP_SERVERS": "kafka:9093",
    "KIZASHI_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KIZASHI_KAFKA_USER": "kizashi-health",
}
SECRETS = {
    "KIZASHI_DATABASE_URL": f"postgresql://kizashi_health:{GOOD}@db:5432/kizashi",
    "KIZASHI_KAFKA_PASSWORD": GOOD,
    "KIZASHI_SERVICE_TOKEN": GOOD,
    "KIZASHI_MASTER_KEYS": KEY,
}
CLASSES = (ProcessSettings, Example)


def in_files(folder: Path, secrets: dict[str, str]) -> dict[str, str]:
    """The same secrets, each in a file."""
    for name, value in secrets.items():
        (folder / name).write_text(value)
    return {f"{name}_FILE": str(folder / name) for name in secrets}


def found(environment: dict[str, str], *classes: type[Settings]) -> dict[str, str]:
    return {fault.pointer: fault.code for fault in unsafe(environment, classes or CLASSES)}


def test_what_is_safe_passes(tmp_path: Path) -> None:
    assert found(SAFE | in_files(tmp_path, SECRETS)) == {}


def test_outside_production_everything_passes() -> None:
    assert found(SAFE | {"KIZASHI_ENV": "development", "KIZASHI_FAILPOINTS": "flush.3"}) == {}


def test_a_secret_in_plain_is_refused(tmp_path: Path) -> None:
    told = SAFE | in_files(tmp_path, {name: v for name, v in SECRETS.items() if name != "KIZASHI_SERVICE_TOKEN"})
    assert found(told | {"KIZASHI_SERVICE_TOKEN": GOOD}) == {"KIZASHI_SERVICE_TOKEN": "plain_secret"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KIZASHI_SERVICE_TOKEN", "short"),
        ("KIZASHI_SERVICE_TOKEN", "change-me-change-me"),
        ("KIZASHI_SERVICE_TOKEN", "aaaaaaaaaaaaaaaaaaaa"),
        ("KIZASHI_KAFKA_PASSWORD", "Kizashi-2026-strong!"),
        ("KIZASHI_DATABASE_URL", "postgresql://kizashi_health:postgres@db:5432/kizashi"),
        ("KIZASHI_DATABASE_URL", "postgresql://kizashi_health@db:5432/kizashi"),
        ("KIZASHI_MASTER_KEYS", b64encode(bytes(32)).decode()),
        ("KIZASHI_MASTER_KEYS", f"{KEY},{b64encode(b'k' * 32).decode()}"),
    ],
)
def test_a_default_or_short_secret_is_refused(name: str, value: str, tmp_path: Path) -> None:
    faults = unsafe(SAFE | in_files(tmp_path, SECRETS | {name: value}), CLASSES)
    assert [(fault.pointer, fault.code) for fault in faults] == [(name, "weak_secret")]
    assert value not in faults[0].detail


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("KIZASHI_KAFKA_PROFILE", "volatile", "volatile"),
        ("KIZASHI_FAILPOINTS", "flush.3", "failpoints"),
        ("KIZASHI_KAFKA_SECURITY_PROTOCOL", "PLAINTEXT", "plain_text"),
    ],
)
def test_an_unsafe_mode_is_refused(name: str, value: str, code: str, tmp_path: Path) -> None:
    assert found(SAFE | in_files(tmp_path, SECRETS) | {name: value}) == {name: code}


def test_kafka_in_plain_text_is_refused_when_nothing_is_said(tmp_path: Path) -> None:
    told = SAFE | in_files(tmp_path, SECRETS)
    del told["KIZASHI_KAFKA_SECURITY_PROTOCOL"]
    assert found(told) == {"KIZASHI_KAFKA_SECURITY_PROTOCOL": "plain_text"}


def test_one_copy_of_each_record_is_refused_unless_one_node_is_allowed(tmp_path: Path) -> None:
    told = SAFE | in_files(tmp_path, SECRETS) | {"KIZASHI_KAFKA_REPLICATION": "1"}
    assert found(told, MigrateSettings) == {"KIZASHI_KAFKA_REPLICATION": "single_copy"}
    assert found(told | {"KIZASHI_ALLOW_SINGLE_NODE": "1"}, MigrateSettings) == {}
