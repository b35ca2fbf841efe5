"""Where the programs of operations are: on PATH when they are new enough, else in `.ops-tools`, else nowhere.

`make .ops-tools/.ok` unpacks them from Debian's stable release beside the system. A test that needs one that is nowhere
is skipped by name; it never passes in silence.

Source: OPERATIONS.md 10, "Ops tools".
"""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
HELD: Final = ROOT / ".ops-tools"


class Program(NamedTuple):
    """A program: its names on PATH, its places below `.ops-tools`, how to ask its version, the oldest that will do."""

    names: tuple[str, ...]
    places: tuple[str, ...]
    ask: tuple[str, ...]
    least: tuple[int, ...]


PROGRAMS: Final[dict[str, Program]] = {
    "prometheus": Program(("prometheus",), ("usr/bin/prometheus",), ("--version",), (2, 45)),
    "promtool": Program(("promtool",), ("usr/bin/promtool",), ("--version",), (2, 45)),
    "alertmanager": Program(
        ("alertmanager", "prometheus-alertmanager"), ("usr/bin/prometheus-alertmanager",), ("--version",), (0, 26)
    ),
    "amtool": Program(("amtool",), ("usr/bin/amtool",), ("--version",), (0, 26)),
    "kubectl": Program(("kubectl",), ("usr/bin/kubectl",), ("version", "--client"), (1, 28)),
    "docker": Program(("docker",), ("usr/bin/docker",), ("--version",), (20, 10)),
    "docker-compose": Program(
        ("docker-compose",), ("usr/libexec/docker/cli-plugins/docker-compose",), ("version",), (2, 26)
    ),
    "docker-buildx": Program(
        ("docker-buildx",), ("usr/libexec/docker/cli-plugins/docker-buildx",), ("version",), (0, 11)
    ),
}
"""What the tests of operations run. The first number that a program tells about itself is taken for its version."""


def version_in(said: str) -> tuple[int, ...]:
    """The first dotted number in what a program says about itself; empty when there is none."""
    found = re.search(r"(\d+(?:\.\d+)+)", said)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def runs_and_fits(path: Path, program: Program) -> bool:
    """Whether the program starts here (another C library may refuse it) and is new enough."""
    try:
        done = subprocess.run([path, *program.ask], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and version_in(done.stdout + done.stderr) >= program.least


@cache
def tool(name: str, held: Path = HELD) -> Path | None:
    """The absolute path of a program that runs here and is new enough; none when there is no such one."""
    program = PROGRAMS[name]
    on_path = (Path(found) for alias in program.names if (found := shutil.which(alias)))
    beside = (held / place for place in program.places)
    return next((path for path in (*on_path, *beside) if path.is_file() and runs_and_fits(path, program)), None)


def needed(name: str) -> Path:
    """The program's path, for a test that cannot do without: it is skipped by name where the program is nowhere."""
    path = tool(name)
    if path is None:
        pytest.skip(f"{name} is not on this machine; `make .ops-tools/.ok` fetches it where apt is")
    return path
