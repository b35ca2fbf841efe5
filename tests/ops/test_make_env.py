"""`scripts/make-env`: secrets for one installation, made once, for nobody else's eyes, as the settings want them."""

from __future__ import annotations

import os
import subprocess
import sys
from base64 import b64decode
from pathlib import Path

from scripts.sizes import ROOT

from kizashi_common.keys import is_mistyped, parsed_api_key
from kizashi_common.runtime.migrate_settings import MigrateSettings
from kizashi_common.runtime.production import SHORTEST


def make(file: Path) -> dict[str, str]:
    """Runs it with the bare interpreter, as `make up` does, and reads what it wrote."""
    subprocess.run([sys.executable, "-I", ROOT / "scripts" / "make-env", file], check=True, timeout=60)
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_nobody_else_can_read_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make(tmp_path / ".env")
    finally:
        os.umask(before)
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    first = make(tmp_path / ".env")
    assert make(tmp_path / ".env") == first
    assert make(tmp_path / "other") != first


def test_what_a_person_wrote_stays_and_what_is_missing_is_added(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "KIZASHI_PUBLIC_URL=https://kizashi.example\nKIZASHI_SERVICE_TOKEN=chosen-by-a-person"
    )
    found = make(tmp_path / ".env")
    assert found["KIZASHI_PUBLIC_URL"] == "https://kizashi.example"
    assert found["KIZASHI_SERVICE_TOKEN"] == "chosen-by-a-person"
    assert parsed_api_key(found["KIZASHI_FIRST_ADMIN_KEY"]) is not None


def test_the_settings_take_what_it_makes(tmp_path: Path) -> None:
    made = make(tmp_path / ".env")
    told = {
        "KIZASHI_DATABASE_URL": "postgresql://o:p@db:5432/kizashi",
        "KIZASHI_KAFKA_BOOTSTRAP_SERVERS": "kafka:19092",
        "KIZASHI_FIRST_WORKSPACE": "main",
    }
    assert MigrateSettings.read(made | told).passwords().keys()
    assert len(b64decode(made["KIZASHI_MASTER_KEYS"], validate=True)) == 32
    assert not is_mistyped(made["KIZASHI_FIRST_SERVER_KEY"])
    short = [name for name, value in made.items() if len(value) < SHORTEST]
    assert short == []
    secrets = [value for name, value in made.items() if not name.endswith("_URL")]
    assert len(set(secrets)) == len(secrets), "no secret is used twice"
