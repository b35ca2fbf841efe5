"""`scripts/e2e-compose` says why it cannot run here, and agrees with the compose file that it brings up."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from scripts.sizes import ROOT

SCRIPT = ROOT / "scripts" / "e2e-compose"
STAND_INS = ROOT / "deploy" / "compose" / "stand-ins"
SHELL = (SCRIPT, STAND_INS / "make", *sorted(STAND_INS.glob("*/entrypoint")), *sorted(STAND_INS.glob("*/*.sh")))
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]


def test_where_something_is_missing_it_is_skipped_by_name(tmp_path: Path) -> None:
    for name in ("bash", "dirname", "id"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    done = subprocess.run(
        [SCRIPT], capture_output=True, text=True, check=False, env={"PATH": str(tmp_path)}, timeout=30
    )
    assert done.returncode == 77
    assert re.fullmatch(r"SKIP e2e-compose: (there is no \S+|dockerd needs root)\n", done.stdout)


def test_it_starts_every_service_but_the_one_without_a_stand_in() -> None:
    (named,) = re.findall(r"--quiet-pull \\\n  (.+)$", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE)
    later = {"demo", "kafka", "postgres", "migrate"}  # by its own profile, or because the others need them
    assert set(named.split()) | later == SERVICES.keys() - {"grafana"}


def test_what_it_asks_is_a_part_of_the_story() -> None:
    source = (ROOT / "tests" / "ops" / "e2e_compose.py").read_text(encoding="utf-8")
    parts = set(re.findall(r'^    "(\w+)": \w+,$', source, re.MULTILINE))
    assert set(re.findall(r"told (\w+)$", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE)) == parts


@pytest.mark.parametrize("file", SHELL, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_shellcheck_has_nothing_to_say(file: Path) -> None:
    program = Path(sys.executable).with_name("shellcheck")
    if not program.exists():
        pytest.skip("shellcheck is not installed; it is in the group ops of the lock")
    done = subprocess.run([program, file], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout
    assert os.access(file, os.X_OK), "it is run as it is"
