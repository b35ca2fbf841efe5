"""A failpoint ends the process at its step and not before, as a crash would: nothing flushed, no handler run."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import atexit
from kizashi_common.telemetry.failpoints import arm, failpoint
atexit.register(print, "a handler ran")
arm({armed!r})
for n in range(5):
    print(n, flush=True)
    failpoint("flush.3")
print("lived")
"""


def run(armed: str) -> tuple[int, list[str]]:
    """The exit code of a process with these steps armed, and what it said."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(armed=armed)], capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, done.stdout.split("\n")[:-1]


def test_nothing_armed_changes_nothing() -> None:
    assert run("") == (0, ["0", "1", "2", "3", "4", "lived", "a handler ran"])


@pytest.mark.parametrize(("armed", "said"), [("flush.3", ["0"]), ("other, flush.3@3", ["0", "1", "2"])])
def test_an_armed_step_ends_the_process_when_it_is_due(armed: str, said: list[str]) -> None:
    assert run(armed) == (86, said)


def test_another_step_is_another_step() -> None:
    assert run("flush.4")[0] == 0
