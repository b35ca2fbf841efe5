"""Child processes: their own session, their own log, and a death that is told with the end of that log."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from kizashi_local.children import ChildDied, Identity, Launcher, birth, is_alive, last_lines, spawn, stop_orphan

ENVIRONMENT = {"PATH": os.defpath}


def shell(script: str, log: Path) -> tuple[str, list[str], Path]:
    return "child", ["sh", "-c", script], log


async def test_a_child_that_dies_is_told_with_the_last_twenty_lines_of_its_log(tmp_path: Path) -> None:
    script = "i=1; while [ $i -le 30 ]; do echo line $i; i=$((i+1)); done; echo oops >&2; exit 3"
    child = spawn(*shell(script, tmp_path / "log" / "child.log"), environment=ENVIRONMENT)
    with pytest.raises(ChildDied) as death:
        await child.watch()
    assert "exit 3" in death.value.detail
    assert "line 12\n" in death.value.detail
    assert "line 11\n" not in death.value.detail
    assert death.value.detail.endswith("oops")


async def test_a_child_lives_in_its_own_session(tmp_path: Path) -> None:
    child = spawn("child", ["sleep", "60"], tmp_path / "log", environment=ENVIRONMENT)
    assert os.getsid(child.pid) == child.pid != os.getsid(0)
    await child.stop()
    assert child.process.returncode == -signal.SIGTERM
    await child.stop()


async def test_a_child_that_will_not_stop_is_killed_with_its_session(tmp_path: Path) -> None:
    script = "trap '' TERM; sleep 60 & echo $!; wait; wait"
    child = spawn(*shell(script, tmp_path / "log"), environment=ENVIRONMENT)
    while not (tmp_path / "log").read_text().strip():
        assert not child.has_ended()
    grandchild = int((tmp_path / "log").read_text())
    await child.stop(patience=timedelta(milliseconds=100))
    assert child.process.returncode == -signal.SIGKILL
    while birth(grandchild) is not None:
        pass


async def test_every_child_is_written_down_before_anything_waits_for_it(tmp_path: Path) -> None:
    written: list[Identity] = []
    child = Launcher(ENVIRONMENT, written.append).spawn("kafka", ["sleep", "60"], tmp_path / "log")
    assert written == [child.identity()]
    assert is_alive(written[0])
    await child.stop()
    assert not is_alive(written[0])


async def test_an_orphan_is_known_by_pid_and_birth_and_never_by_name(tmp_path: Path) -> None:
    child = spawn("child", ["sleep", "60"], tmp_path / "log", environment=ENVIRONMENT)
    namesake = Identity(child.name, child.pid, "born at another time")
    assert not is_alive(namesake)
    assert not await stop_orphan(namesake)
    assert not child.has_ended()
    assert await stop_orphan(child.identity())
    assert child.has_ended()


def test_births_are_facts_that_do_not_change() -> None:
    assert birth(os.getpid()) == birth(os.getpid()) is not None
    assert birth(os.getpid()) != birth(1)
    assert birth(4_000_000_000) is None


def test_a_missing_log_says_so(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "none") == "(no log)"
