"""Prometheus and Alertmanager beside a product that runs on this machine, from the files that an installation uses.

`prometheus_over([ops_port], folder)` watches one process or several; with `alertmanager=` it sends there what fires.
`alertmanager_telling(webhook, folder)` starts one that tells everything to one webhook. The configuration is that of
`deploy/observability` with other addresses, so what is tested is what ships.

Source: OPERATIONS.md 6.2, 9, 10 stage 6.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from tests.ops.tools import HELD, ROOT, needed
from tests.ports import free_port

OBSERVABILITY: Final = ROOT / "deploy" / "observability"
RULES: Final = OBSERVABILITY / "prometheus" / "rules"
FLAGS: Final = (
    "--enable-feature=exemplar-storage,expand-external-labels",
    "--storage.tsdb.retention.time=35d",
    "--log.level=warn",
)
READY_WITHIN: Final = 30.0


class Fired(NamedTuple):
    """An alert as Prometheus or Alertmanager holds it."""

    name: str
    state: str
    labels: dict[str, str]
    annotations: dict[str, str]


@dataclass(frozen=True)
class Server:
    """A running server of ours: where it listens, its log, the process that the test started."""

    address: str
    log: Path
    process: subprocess.Popen[bytes]

    def get(self, path: str, **parameters: str | float) -> Any:
        """The JSON of an answer, also of one that says what was wrong with the question."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        try:
            with urllib.request.urlopen(f"{self.address}{path}?{query}", timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            return json.load(refused)


@dataclass(frozen=True)
class Prometheus(Server):
    """A Prometheus; times are seconds since 1970."""

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an instant query. Raises: AssertionError with Prometheus's own words when it refuses."""
        said = self.get("/api/v1/query", query=expression)
        assert said["status"] == "success", said
        found: list[dict[str, Any]] = said["data"]["result"]
        return found

    def query_range(self, expression: str, start: float, end: float, step: float) -> dict[str, Any]:
        """The whole answer of a range query: status, data, warnings, infos."""
        said: dict[str, Any] = self.get("/api/v1/query_range", query=expression, start=start, end=end, step=step)
        return said

    def alerts(self, state: str | None = "firing") -> list[Fired]:
        """The alerts in a state (firing, pending; none: both), the watchdog left out: it always fires."""
        held = self.get("/api/v1/alerts")["data"]["alerts"]
        found = [Fired(one["labels"]["alertname"], one["state"], one["labels"], one["annotations"]) for one in held]
        return [one for one in found if one.name != "KizashiWatchdog" and state in (None, one.state)]


@dataclass(frozen=True)
class Alertmanager(Server):
    """An Alertmanager."""

    def alerts(self, state: str | None = "active") -> list[Fired]:
        """What it holds in a state (active, suppressed; none: both), the watchdog left out."""
        held = self.get("/api/v2/alerts")
        found = [
            Fired(one["labels"]["alertname"], one["status"]["state"], one["labels"], one["annotations"]) for one in held
        ]
        return [one for one in found if one.name != "KizashiWatchdog" and state in (None, one.state)]


def local_configuration(
    ops_ports: Sequence[int], *, rules: Path | None = RULES, alertmanager: str | None = None, every: str = "15s"
) -> dict[str, Any]:
    """The shipped `prometheus.yml` with local addresses. `rules`: a folder, or none; `every`: scrapes and rules."""
    shipped: dict[str, Any] = yaml.safe_load((OBSERVABILITY / "prometheus" / "prometheus.yml").read_text())
    shipped["global"] |= {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every}
    shipped["rule_files"] = [str(rules / "*.yaml")] if rules else []
    shipped["alerting"]["alertmanagers"] = [
        {"static_configs": [{"targets": [alertmanager.removeprefix("http://")]}]}
        for _ in (alertmanager,)
        if alertmanager
    ]
    watched = next(job for job in shipped["scrape_configs"] if job["job_name"] == "kizashi")
    watched["static_configs"] = [{"targets": [f"127.0.0.1:{port}" for port in ops_ports]}]
    shipped["scrape_configs"] = [watched]
    return shipped


@contextmanager
def prometheus_over(
    ops_ports: Sequence[int],
    folder: Path,
    *,
    rules: Path | None = RULES,
    alertmanager: str | None = None,
    every: str = "15s",
    kizashi_url: str = "http://127.0.0.1:7300",
) -> Iterator[Prometheus]:
    """A Prometheus that scrapes these ops ports, its data below `folder`; the test is skipped where there is none."""
    program = needed("prometheus")
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "prometheus.yml"
    configuration.write_text(
        yaml.safe_dump(local_configuration(ops_ports, rules=rules, alertmanager=alertmanager, every=every))
    )
    address = f"127.0.0.1:{free_port()}"
    command: list[str | Path] = [
        program, f"--config.file={configuration}", f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={address}", "--rules.alert.resend-delay=2s", *FLAGS,
    ]  # fmt: skip
    with running(command, folder / "prometheus.log", folder, KIZASHI_PUBLIC_URL=kizashi_url) as process:
        server = Prometheus(f"http://{address}", folder / "prometheus.log", process)
        until_ready(server)
        yield server


@contextmanager
def alertmanager_telling(webhook: str, folder: Path, *, quick: bool = True) -> Iterator[Alertmanager]:
    """An Alertmanager with the shipped routes and inhibitions whose every receiver is one webhook.

    The path of a request ends in the receiver's name: `<webhook>/pager`, `/tickets`, `/dead-man`. `quick` tells a
    second after an alert comes or goes, where an installation waits to gather more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    program = _beside_its_templates(needed("alertmanager"), folder)
    configuration = folder / "alertmanager.yml"
    configuration.write_text(yaml.safe_dump(_telling(webhook, folder, quick=quick)))
    address = f"127.0.0.1:{free_port()}"
    command: list[str | Path] = [
        program, f"--config.file={configuration}", f"--storage.path={folder / 'silences'}",
        f"--web.listen-address={address}", "--cluster.listen-address=", "--log.level=warn",
    ]  # fmt: skip
    with running(command, folder / "alertmanager.log", folder) as process:
        server = Alertmanager(f"http://{address}", folder / "alertmanager.log", process)
        until_ready(server)
        yield server


def _beside_its_templates(program: Path, folder: Path) -> Path:
    """The program itself, or a copy that finds the texts of its messages in `folder`.

    Debian's build reads them from one absolute folder, which is not there after mere unpacking. The copy has
    a relative path of the same length in its place.
    """
    texts = Path("usr/share/prometheus/alertmanager")
    wanted = f"/{texts}".encode()
    if not program.is_relative_to(HELD) or Path(f"/{texts}").exists():
        return program
    (folder / "alertmanager-texts").symlink_to(HELD / texts)
    near = b"." + b"alertmanager-texts".rjust(len(wanted) - 1, b"/")
    copy = folder / "alertmanager"
    copy.write_bytes(program.read_bytes().replace(wanted, near))
    copy.chmod(0o755)
    return copy


def _telling(webhook: str, folder: Path, *, quick: bool) -> dict[str, Any]:
    shipped: dict[str, Any] = yaml.safe_load((OBSERVABILITY / "alertmanager" / "alertmanager.yml").read_text())
    for receiver in shipped["receivers"]:
        secret = folder / f"{receiver['name']}_url"
        secret.write_text(f"{webhook}/{receiver['name']}\n")
        receiver["webhook_configs"][0]["url_file"] = str(secret)
    if quick:
        for route in (shipped["route"], *shipped["route"]["routes"]):
            route |= {"group_wait": "1s", "group_interval": "1s"}
    return shipped


@contextmanager
def running(
    command: Sequence[str | Path], log: Path, folder: Path, **settings: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours for as long as the block lasts; ended by its id."""
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, cwd=folder, env={**os.environ, **settings})
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until_ready(server: Server) -> None:
    """Waits until the server says that it is ready. Raises: AssertionError with its log when it ends or never does."""
    ends = time.monotonic() + READY_WITHIN
    while time.monotonic() < ends and server.process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.address}/-/ready", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"{server.address} did not become ready:\n{server.log.read_text()[-3000:]}")
