"""The rule files and their promtool tests, as the tests of them see them.

Source: OPERATIONS.md 6.2.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from tests.ops.prometheus import OBSERVABILITY
from tests.ops.tools import needed

PROMETHEUS: Final = OBSERVABILITY / "prometheus"
RULE_FILES: Final = sorted([*PROMETHEUS.glob("rules/*.yaml"), *PROMETHEUS.glob("platform/*.yaml")])
TEST_FILES: Final = sorted(PROMETHEUS.glob("tests/*.yaml"))


class Done(NamedTuple):
    """How promtool ended, and all that it said."""

    code: int
    said: str


def loaded(path: Path) -> dict[str, Any]:
    """A YAML file."""
    held: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return held


def rules() -> Iterator[dict[str, Any]]:
    """Every rule of every file: recorded series and alerts."""
    for path in RULE_FILES:
        for group in loaded(path)["groups"]:
            yield from group["rules"]


def alerts() -> list[dict[str, Any]]:
    """Every alerting rule; several may share a name."""
    return [rule for rule in rules() if "alert" in rule]


def alert_names() -> list[str]:
    """The names of all alerts, sorted."""
    return sorted({rule["alert"] for rule in alerts()})


def promtool(*arguments: str | Path) -> Done:
    """Runs promtool; the test is skipped by name where there is none."""
    done = subprocess.run(
        [needed("promtool"), *arguments], capture_output=True, text=True, check=False, timeout=180, cwd=PROMETHEUS
    )
    return Done(done.returncode, done.stdout + done.stderr)


def with_changed_rules(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of all rules and tests in which every alerting rule was changed; returns the folder of its tests."""
    shutil.copytree(PROMETHEUS, folder / "prometheus")
    for path in (*folder.glob("prometheus/rules/*.yaml"), *folder.glob("prometheus/platform/*.yaml")):
        held = loaded(path)
        for group in held["groups"]:
            for rule in group["rules"]:
                if "alert" in rule:
                    change(rule)
        path.write_text(yaml.safe_dump(held, sort_keys=False), encoding="utf-8")
    return folder / "prometheus" / "tests"
