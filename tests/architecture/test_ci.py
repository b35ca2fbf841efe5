"""`.ci/run` counts what ran, what failed and what was skipped, and its exit code tells the truth."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

RUN: Final = Path(__file__).resolve().parents[2] / ".ci" / "run"
MAKEFILE: Final = """
.venv/.ok:
\tmkdir -p .venv/bin
\tprintf '#!/bin/sh\\nexit {wheel}\\n' > .venv/bin/python
\tchmod +x .venv/bin/python
check:
\t@echo checked; exit {check}
test:
\t@echo '{closing}'; exit {test}
"""
FINE: Final = "12 passed, 2 skipped in 3.21s"


def run(
    folder: Path, *, closing: str = FINE, check: int = 0, test: int = 0, wheel: int = 0
) -> tuple[int, str, list[str]]:
    """The exit code, the last line, and all lines of CI over a make-believe project."""
    (folder / ".ci").mkdir()
    shutil.copy(RUN, folder / ".ci" / "run")
    (folder / "Makefile").write_text(MAKEFILE.format(closing=closing, check=check, test=test, wheel=wheel))
    done = subprocess.run(
        ["bash", str(folder / ".ci" / "run")], cwd="/", capture_output=True, text=True, timeout=60, check=False
    )
    lines = done.stdout.splitlines()
    return done.returncode, lines[-1], lines


def skips(lines: list[str]) -> int:
    """How many skips were said aloud: whether Java is here differs between machines."""
    return sum(line.startswith("SKIP ") for line in lines)


def test_all_green(tmp_path: Path) -> None:
    code, last, lines = run(tmp_path)
    assert (code, last) == (0, f"kizashi-ci: 15 passed, 0 failed, {2 + skips(lines)} skipped")
    assert FINE in lines, "the closing line of pytest is shown too"


@pytest.mark.parametrize(
    ("closing", "passed", "failed"),
    [
        ("2 failed, 10 passed in 3.21s", 13, 2),
        ("1 error in 0.50s", 3, 1),
        ("12 passed in 63.21s (0:01:03)", 15, 1),
        ("==== 1 failed, 10 passed, 1 error in 3.21s ====", 13, 2),
        ("make: killed", 3, 1),
    ],
)
def test_a_failed_test_stage_is_counted(tmp_path: Path, closing: str, passed: int, failed: int) -> None:
    code, last, lines = run(tmp_path, closing=closing, test=1)
    assert (code, last) == (1, f"kizashi-ci: {passed} passed, {failed} failed, {skips(lines)} skipped")


@pytest.mark.parametrize("stage", ["check", "wheel"])
def test_a_stage_without_tests_counts_as_one(tmp_path: Path, stage: str) -> None:
    code, last, lines = run(tmp_path, **{stage: 1})
    assert (code, last) == (1, f"kizashi-ci: 14 passed, 1 failed, {2 + skips(lines)} skipped")


def test_the_output_of_each_stage_is_kept(tmp_path: Path) -> None:
    run(tmp_path)
    assert sorted(path.stem for path in (tmp_path / "ci-out").glob("*.log")) == ["check", "set-up", "test", "wheel"]
