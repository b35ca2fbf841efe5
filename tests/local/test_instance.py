"""The data directory: one `up` at a time, ours alone, and it knows what an earlier run left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kizashi_common.errors import Conflict, Invalid
from kizashi_local.children import Identity, birth, spawn
from kizashi_local.instance import Instance, data_directory, is_newer, orphans, read_state


def test_a_second_up_over_the_same_directory_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = Instance.take(data)
    with pytest.raises(Conflict, match="Another `kizashi up` is running"):
        Instance.take(data)
    first.release()
    Instance.take(data).release()


def test_the_lock_is_given_back_however_the_process_ends(tmp_path: Path) -> None:
    data = tmp_path / "data"
    code = (
        "import os, sys; from pathlib import Path; from kizashi_local.instance import Instance;"
        " held = Instance.take(Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(data)], check=False).returncode == -9
    Instance.take(data).release()


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(Invalid, match="not a data directory of ours"):
        Instance.take(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_directory_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    instance = Instance.take(data)
    instance.update(version="999.0.0")
    instance.release()
    with pytest.raises(Conflict, match="newer than this one"):
        Instance.take(data)


def test_versions_are_compared_as_numbers() -> None:
    assert is_newer("0.10.0", "0.9.2")
    assert not is_newer("0.9.2", "0.9.2")
    assert not is_newer("0.1.0", "0.1.0.dev3")


async def test_reset_empties_the_directory_and_keeps_it_locked(tmp_path: Path) -> None:
    instance = Instance.take(tmp_path / "data")
    (instance.data / "pg").mkdir()
    (instance.data / "pg" / "PG_VERSION").write_text("18")
    instance.update(keys_shown=True)
    await instance.reset(lambda _: None)
    assert sorted(entry.name for entry in instance.data.iterdir()) == ["instance.json", "instance.lock"]
    assert not instance.state.keys_shown
    with pytest.raises(Conflict):
        Instance.take(instance.data)
    instance.release()


def test_children_are_written_down_with_pid_and_birth(tmp_path: Path) -> None:
    data = tmp_path / "data"
    instance = Instance.take(data)
    with subprocess.Popen(["sleep", "60"]) as child:
        instance.record(Identity("kafka", child.pid, birth(child.pid) or ""))
        instance.record(Identity("broker", child.pid, "some other birth"))
        state = read_state(data)
        assert [orphan.name for orphan in orphans(state)] == ["kafka"], "the pid alone names nobody"
        assert json.loads((data / "instance.json").read_text())["children"][0][1] == child.pid
        child.kill()
    assert orphans(read_state(data)) == ()
    instance.release()


async def test_orphans_of_a_killed_run_are_stopped_and_strangers_are_not(tmp_path: Path) -> None:
    instance = Instance.take(tmp_path / "data")
    said: list[str] = []
    orphan = spawn("kafka", ["sleep", "60"], tmp_path / "log", environment={"PATH": os.defpath})
    stranger = spawn("kafka", ["sleep", "60"], tmp_path / "log", environment={"PATH": os.defpath})
    instance.record(orphan.identity())
    instance.record(Identity("kafka", stranger.pid, "1999"))
    await instance.stop_orphans(said.append)
    assert orphan.process.wait(timeout=10) == -15
    assert not stranger.has_ended()
    await stranger.stop()
    assert said == [f"Stopping kafka (pid {orphan.pid}), left behind by a run that was killed."]
    assert instance.state.children == ()
    instance.release()


def test_where_the_data_directory_is() -> None:
    def where(given: Path | None = None, *, root: bool = False, **environment: str) -> str:
        return str(data_directory(given, environment, is_root=root))

    assert where(Path("/a/b"), KIZASHI_DATA_DIR="/c") == "/a/b"
    assert where(KIZASHI_DATA_DIR="/c", root=True) == "/c"
    assert where(root=True) == "/var/lib/kizashi"
    assert where(XDG_DATA_HOME="/x") == "/x/kizashi"
    assert where() == str(Path.home() / ".local/share/kizashi")
