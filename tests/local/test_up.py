"""`kizashi up`, seen from outside: one JSON line, keys once, an orderly stop, and a start after whatever happened."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from kizashi_local.children import birth
from kizashi_local.instance import read_state

pytestmark = pytest.mark.story

PATIENCE: Final = 90
NAMES: Final = [
    "ready", "gateway", "ingest", "ops", "broker", "data", "workspace", "admin_key", "server_key", "sign_in",
]  # fmt: skip


class Up:
    """A running `kizashi up`, in a process group of its own."""

    def __init__(self, data: Path, environment: Mapping[str, str], *more: str) -> None:
        self.data = data
        command = [sys.executable, "-m", "kizashi_cli.main", "up", "--json", "--data", str(data), *more]
        self.errors = data.with_name("stderr.log")
        with self.errors.open("a") as errors:
            self.process = subprocess.Popen(
                command, env=dict(environment), stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
            )

    def ready(self) -> dict[str, Any]:
        """The JSON line; fails with what was said when the process ends first."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.errors.read_text()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Asks it to end, and answers its exit code; standard output had the one line alone."""
        self.process.send_signal(how)
        rest, _ = self.process.communicate(timeout=PATIENCE)
        assert rest == ""
        return self.process.returncode


@contextmanager
def up(data: Path, environment: Mapping[str, str], *more: str) -> Iterator[Up]:
    """A start that leaves nothing running behind, however the test ends."""
    running = Up(data, environment, *more)
    try:
        yield running
    finally:
        state = read_state(data)
        for child in state.children if state else ():
            if birth(child.pid) == child.birth:
                os.killpg(child.pid, signal.SIGKILL)
        if running.process.poll() is None:
            running.process.kill()
        running.process.communicate()


def get(url: str) -> int:
    """The status of an answer."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        status: int = answer.status
        return status


def send(ingest: str, server_key: str, account: str) -> None:
    """One event of an account, by the native door."""
    event = {"id": f"of-{account}", "account": account, "user": "u", "action": "login"}
    request = urllib.request.Request(
        f"{ingest}/v1/events",
        json.dumps({"events": [event]}).encode(),
        {"Authorization": f"Bearer {server_key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status < 300


def wait_for(ready: Mapping[str, Any], admin_key: str, accounts: set[str]) -> None:
    """Returns when the gateway shows these accounts; the test's own time limit ends the wait."""
    request = urllib.request.Request(
        f"{ready['gateway']}/v1/accounts", headers={"Authorization": f"Bearer {admin_key}"}
    )
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        with urllib.request.urlopen(request, timeout=10) as answer:
            found = {account["external_id"] for account in json.load(answer)["results"]}
        if found == accounts:
            return
    raise AssertionError(f"{accounts} were not all shown: {found}")


def test_keys_are_given_once_and_a_second_start_finds_everything(data: Path, environment: Mapping[str, str]) -> None:
    with up(data, environment, "--broker", "volatile") as first:
        ready = first.ready()
        assert list(ready) == NAMES
        assert ready["broker"] == "volatile"
        assert ready["admin_key"].startswith("kza_")
        assert ready["server_key"].startswith("kzs_")
        assert get(f"{ready['ops']}/readyz") == 200
        assert first.end() == 0
    assert "Volatile broker: no usable Kafka was found" in first.errors.read_text()
    state = read_state(data)
    assert state is not None
    assert state.clean_stop_at is not None
    with up(data, environment, "--broker", "volatile") as second:
        again = second.ready()
        assert (again["admin_key"], again["server_key"]) == (None, None)
        assert again["workspace"] == ready["workspace"]
        assert again["gateway"] == ready["gateway"], "the ports are the same again"
        assert again["sign_in"] != ready["sign_in"]
        assert second.end(signal.SIGINT) == 0


def test_a_start_after_kill_9_stops_what_was_left_and_finds_everything(
    data: Path, environment: Mapping[str, str]
) -> None:
    with up(data, environment) as killed:
        ready = killed.ready()
        killed.process.kill()
        killed.process.wait()
        orphan = Up(data, environment)
        again = orphan.ready()
        assert again["workspace"] == ready["workspace"]
        assert "left behind by a run that was killed" in orphan.errors.read_text()
        assert orphan.end() == 0


@pytest.mark.skipif(not all(map(shutil.which, ("java", "mvn"))), reason="no Java and Maven here")
def test_a_directory_that_began_volatile_moves_to_kafka_and_keeps_what_was_counted(
    data: Path, environment: Mapping[str, str]
) -> None:
    with up(data, environment, "--broker", "volatile") as volatile:
        first = volatile.ready()
        send(first["ingest"], first["server_key"], "before")
        wait_for(first, first["admin_key"], {"before"})
        assert volatile.end() == 0
    with up(data, environment) as moved:
        second = moved.ready()
        assert second["broker"] == "kafka"
        assert "it moves to Apache Kafka" in moved.errors.read_text()
        send(second["ingest"], first["server_key"], "after")
        wait_for(second, first["admin_key"], {"before", "after"})
        assert moved.end() == 0
    with up(data, environment) as again:
        wait_for(again.ready(), first["admin_key"], {"before", "after"})
        assert again.end() == 0


def test_a_dead_child_stops_everything_with_the_end_of_its_log(data: Path, environment: Mapping[str, str]) -> None:
    with up(data, environment, "--broker", "volatile") as running:
        running.ready()
        state = read_state(data)
        assert state is not None
        broker = next(child for child in state.children if child.name == "broker")
        os.kill(broker.pid, signal.SIGKILL)
        running.process.communicate(timeout=PATIENCE)
        assert running.process.returncode == 1
    assert "broker has ended (exit -9)" in running.errors.read_text()
    assert all(birth(child.pid) != child.birth for child in state.children), "nothing is left running"


def test_a_second_up_over_the_same_directory_is_refused(data: Path, environment: Mapping[str, str]) -> None:
    with up(data, environment, "--broker", "volatile") as first:
        first.ready()
        second = Up(data, environment)
        second.process.communicate(timeout=PATIENCE)
        assert second.process.returncode == 1
        assert "Another `kizashi up` is running" in second.errors.read_text()
        assert first.end() == 0


def test_a_mistyped_setting_stops_the_start(data: Path, environment: Mapping[str, str]) -> None:
    with up(data, {**environment, "KIZASHI_FLUHS_EVERY_MS": "5"}, "--broker", "volatile") as running:
        running.process.communicate(timeout=PATIENCE)
        assert running.process.returncode == 1
    assert "KIZASHI_FLUHS_EVERY_MS" in running.errors.read_text()


def test_an_address_off_loopback_needs_a_second_word(data: Path, environment: Mapping[str, str]) -> None:
    with up(data, environment, "--host", "0.0.0.0") as running:
        running.process.communicate(timeout=PATIENCE)
        assert running.process.returncode == 2
    assert "--i-know" in running.errors.read_text()
    assert not data.exists()
