"""Settings are read once, checked as a whole, and say everything that is wrong at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from kizashi_common.errors import Invalid
from kizashi_common.runtime.settings import Settings, refuse_unknown


class Example(Settings):
    """Settings of a service that does not exist."""

    flush_every_ms: int = Field(default=100, ge=10, le=10_000, description="how often")
    service_token: SecretStr = Field(min_length=16, description="shared by the services")
    mode: str = Field(default="calm", pattern="^(calm|eager)$", description="how")


TOKEN = {"KIZASHI_SERVICE_TOKEN": "a-token-of-sixteen-characters"}


def test_what_is_not_said_has_its_default() -> None:
    assert Example.read(TOKEN).flush_every_ms == 100


def test_what_is_said_counts() -> None:
    assert Example.read(TOKEN | {"KIZASHI_FLUSH_EVERY_MS": "250", "KIZASHI_MODE": "eager"}).flush_every_ms == 250


def test_a_value_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("a-secret-from-a-file\n")
    read = Example.read({"KIZASHI_SERVICE_TOKEN_FILE": str(file)})
    assert read.service_token.get_secret_value() == "a-secret-from-a-file"


def test_a_file_that_cannot_be_read_is_a_fault_that_names_its_setting(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refusal:
        Example.read({"KIZASHI_SERVICE_TOKEN_FILE": str(tmp_path / "absent")})
    assert ("KIZASHI_SERVICE_TOKEN", "unreadable") in {(fault.pointer, fault.code) for fault in refusal.value.faults}


def test_all_faults_are_shown_at_once() -> None:
    with pytest.raises(Invalid) as refusal:
        Example.read({"KIZASHI_FLUSH_EVERY_MS": "5", "KIZASHI_MODE": "wild"})
    assert {fault.pointer: fault.code for fault in refusal.value.faults} == {
        "KIZASHI_FLUSH_EVERY_MS": "invalid",
        "KIZASHI_SERVICE_TOKEN": "missing",
        "KIZASHI_MODE": "invalid",
    }
    assert refusal.value.reason == "settings"


def test_no_refusal_and_no_print_shows_a_secret() -> None:
    with pytest.raises(Invalid) as refusal:
        Example.read({"KIZASHI_SERVICE_TOKEN": "short-secret"})
    assert "short-secret" not in f"{refusal.value} {refusal.value.faults}"
    assert "sixteen" not in f"{Example.read(TOKEN)!r} {Example.read(TOKEN)}"


def test_a_mistyped_name_stops_the_start() -> None:
    with pytest.raises(Invalid, match="KIZASHI_FLUSH_EVRY_MS"):
        refuse_unknown(TOKEN | {"KIZASHI_FLUSH_EVRY_MS": "250", "PATH": "/bin"}, [Example])


def test_known_names_their_files_and_foreign_ones_pass() -> None:
    refuse_unknown(
        TOKEN | {"KIZASHI_MODE_FILE": "f", "KIZASHI_DATA_DIR": "d", "HOME": "h"}, [Example], ["KIZASHI_DATA_DIR"]
    )
