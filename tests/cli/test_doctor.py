"""`kizashi doctor` works with the product stopped, says what to do, and its exit code is the worst it found."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from kizashi_cli.doctor import main, shown
from kizashi_local.checks import Line, look_at, standing
from kizashi_local.children import birth
from kizashi_local.instance import Instance

ENVIRONMENT = {"PATH": os.environ["PATH"]}


def found(data: Path, check: str, **environment: str) -> Line:
    lines = standing(look_at(data, {**ENVIRONMENT, **environment}))
    return next(line for line in lines if line.check == check)


def test_a_machine_that_never_started_anything_is_no_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main("doctor", ["--json", "--data", str(tmp_path / "none")])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"python", "postgresql", "kafka", "data directory", "ports", "disk", "nofile"} <= {x["check"] for x in lines}
    assert code == max({"ok": 0, "warning": 1, "fault": 2}[line["level"]] for line in lines)
    assert not (tmp_path / "none").exists(), "looking changes nothing"


def test_what_a_killed_run_left_behind_is_a_warning(tmp_path: Path) -> None:
    instance = Instance.take(tmp_path / "data")
    instance.update(children=(("kafka", os.getpid(), birth(os.getpid())),))
    instance.release()
    assert found(tmp_path / "data", "data directory").level == "warning"
    orphans = found(tmp_path / "data", "orphans")
    assert (orphans.level, orphans.found) == ("warning", f"kafka (pid {os.getpid()})")
    assert "stops them" in orphans.advice


def test_a_directory_in_use_says_so(tmp_path: Path) -> None:
    instance = Instance.take(tmp_path / "data")
    assert "in use now" in found(tmp_path / "data", "data directory").found
    instance.release()
    assert "in use now" not in found(tmp_path / "data", "data directory").found


def test_no_java_is_a_warning_with_advice(tmp_path: Path) -> None:
    line = found(tmp_path, "kafka", PATH=str(tmp_path))
    assert line.level == "warning"
    assert "Install Java" in line.advice


def test_data_of_another_postgresql_are_a_fault(tmp_path: Path) -> None:
    (tmp_path / "pg").mkdir()
    (tmp_path / "pg" / "PG_VERSION").write_text("14\n")
    line = found(tmp_path, "postgresql")
    assert line.level == "fault"
    assert "pg_dumpall" in line.advice


def test_advice_stands_under_its_finding() -> None:
    assert shown(Line("disk", "fault", "0.1 GiB free", "Free some.")).splitlines()[1].strip() == "→ Free some."
