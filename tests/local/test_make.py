"""`make` on a fresh machine: a Python that runs, uv from wherever it is, and a clear word where neither can be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
SHIM: Final = '#!/bin/sh\necho "shim: $0: command not found" >&2\nexit 127\n'
OLD: Final = "#!/bin/sh\nexit 1\n"
GOOD: Final = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
UV: Final = '#!/bin/sh\necho "uv $@" >> "$UV_CALLS"\n'


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A project folder with the script, and a PATH that holds nothing but a shell's own tools."""
    (tmp_path / "bin").mkdir()
    for tool in ("sh", "rm", "touch", "cat"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or tool)
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "make-venv", tmp_path / "scripts")
    return tmp_path


def put(machine: Path, name: str, text: str) -> None:
    file = machine / "bin" / name
    file.write_text(text)
    file.chmod(0o755)


def make_venv(machine: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "scripts/make-venv"],
        cwd=machine,
        env={
            "PATH": str(machine / "bin"), "VENV": ".venv", "UV_PIN": "0.0.0", "PYTHON": "",
            "UV_CALLS": str(machine / "calls"), **settings,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )  # fmt: skip


def test_a_shim_that_answers_not_found_is_skipped(machine: Path) -> None:
    put(machine, "python3.13", SHIM)
    put(machine, "python3.12", OLD)
    put(machine, "python3.11", GOOD)
    put(machine, "uv", UV)
    done = make_venv(machine)
    assert done.returncode == 0, done.stderr
    calls = (machine / "calls").read_text().splitlines()
    assert any(call.startswith("uv venv --quiet --python ") for call in calls)
    assert any("pip sync" in call and "--require-hashes requirements.lock" in call for call in calls)
    assert any("--no-deps" in call and call.endswith("--editable .") for call in calls)


def test_without_any_python_that_runs_it_says_so_and_stops(machine: Path) -> None:
    put(machine, "python3.13", SHIM)
    put(machine, "python3", OLD)
    put(machine, "uv", UV)
    done = make_venv(machine)
    assert done.returncode == 1
    assert "No Python 3.11 or newer was found that runs" in done.stderr
    assert not (machine / "calls").exists()


def test_a_python_without_ensurepip_names_the_one_package_to_install(machine: Path) -> None:
    put(machine, "python3.11", f'#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"\n')
    done = make_venv(machine)
    assert done.returncode == 1
    version = ".".join(map(str, sys.version_info[:2]))
    assert f"install the package python{version}-venv" in done.stderr


def dry(*arguments: str) -> str:
    done = subprocess.run(
        ["make", "--dry-run", "--old-file=.venv/.ok", "--assume-old=.venv/.ok", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_make_alone_lists_its_targets() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("run", "test", "test-fast", "check", "bench"):
        assert f"make {target} " in listed


def test_make_run_starts_the_demo_unless_told_not_to_and_passes_arguments_on() -> None:
    assert "kizashi up --demo --port-base 9000" in dry("run", "ARGS=--port-base 9000")
    assert "--demo" not in dry("run", "DEMO=0")
