"""`.ci/run` counts what ran, what failed and what was skipped, and its exit code tells the truth."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.slow

RUN: Final = Path(__file__).resolve().parents[2] / ".ci" / "run"
MAKEFILE: Final = """
.venv/.ok:
\tmkdir -p .venv/bin
\tprintf '#!/bin/sh\\nexit {wheel}\\n' > .venv/bin/python
\tchmod +x .venv/bin/python
.ops-tools/.ok:
\t@exit {tools}
check:
\t@echo checked; exit {check}
ops-check:
\t@echo '3 passed in 0.10s'; exit 0
test-stores:
\t@echo '2 passed in 0.10s'; exit 0
audit:
\t@echo 'SKIP advisories: nobody to ask'; exit {audit}
test:
\t@echo '{closing}'; exit {test}
"""
SOUND: Final = {"tools": 0, "check": 0, "test": 0, "audit": 0, "wheel": 0}
"""The exit code of each part when all is well."""
FINE: Final = "12 passed, 2 skipped in 3.21s"


def run(folder: Path, *, closing: str = FINE, **codes: int) -> tuple[int, str, list[str]]:
    """The exit code, the last line, and all lines of CI over a make-believe project."""
    (folder / ".ci").mkdir()
    shutil.copy(RUN, folder / ".ci" / "run")
    (folder / "Makefile").write_text(MAKEFILE.format(closing=closing, **(SOUND | codes)))
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
    assert (code, last) == (0, f"kizashi-ci: 21 passed, 0 failed, {2 + skips(lines)} skipped")
    assert FINE in lines, "the closing line of pytest is shown too"


@pytest.mark.parametrize(
    ("closing", "passed", "failed"),
    [
        ("2 failed, 10 passed in 3.21s", 19, 2),
        ("1 error in 0.50s", 9, 1),
        ("12 passed in 63.21s (0:01:03)", 21, 1),
        ("==== 1 failed, 10 passed, 1 error in 3.21s ====", 19, 2),
        ("make: killed", 9, 1),
    ],
)
def test_a_failed_test_stage_is_counted(tmp_path: Path, closing: str, passed: int, failed: int) -> None:
    code, last, lines = run(tmp_path, closing=closing, test=1)
    assert (code, last) == (1, f"kizashi-ci: {passed} passed, {failed} failed, {skips(lines)} skipped")


@pytest.mark.parametrize("stage", ["check", "audit", "wheel"])
def test_a_stage_without_tests_counts_as_one(tmp_path: Path, stage: str) -> None:
    code, last, lines = run(tmp_path, **{stage: 1})
    assert (code, last) == (1, f"kizashi-ci: 20 passed, 1 failed, {2 + skips(lines)} skipped")


def test_the_output_of_each_stage_is_kept(tmp_path: Path) -> None:
    run(tmp_path)
    assert sorted(path.stem for path in (tmp_path / "ci-out").glob("*.log")) == [
        "audit",
        "check",
        "ops-check",
        "set-up",
        "stores",
        "test",
        "wheel",
    ]


def test_what_a_stage_could_not_do_is_said_and_counted(tmp_path: Path) -> None:
    code, last, lines = run(tmp_path, tools=1)
    assert code == 0
    assert [line for line in lines if line.startswith("SKIP ops tools")]
    assert last.endswith(f"{2 + skips(lines)} skipped")


def test_the_times_of_all_parts_are_printed(tmp_path: Path) -> None:
    _, _, lines = run(tmp_path)
    assert [line for line in lines if re.match(r"set-up \d+ s, .*test \d+ s, audit \d+ s, .* in all", line)]
