"""The compose file keeps its promises, refuses to start without secrets, and each rule finds a planted fault."""

from __future__ import annotations

import copy
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from scripts.sizes import ROOT

from kizashi_cli.canary.settings import CanarySettings
from kizashi_local.service_settings import KNOWN
from tests.ops.compose_rules import RAW_RULES, Compose
from tests.ops.tools import needed

FILE = ROOT / "docker-compose.yml"
PROFILES = ("", "observability", "demo")
WRITTEN: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("rule", RAW_RULES, ids=lambda rule: rule.__name__)
def test_the_file_keeps_every_rule(rule: Callable[[Compose], Iterator[str]]) -> None:
    assert list(rule(WRITTEN)) == []


def _broken(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """The file with one fault. Anchors share what they merge, so it is copied first."""
    made: dict[str, Any] = json.loads(json.dumps(WRITTEN))
    change(made["services"])
    return made


def _split_check(services: dict[str, Any]) -> None:
    services["kafka"]["healthcheck"]["test"] = ["CMD-SHELL", "kafka-broker-api-versions.sh", "--bootstrap-server", "x"]


FAULTS: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    ("health_checks", _split_check),
    ("health_checks", lambda s: s["gateway"].pop("healthcheck")),
    ("published_ports", lambda s: s["gateway"].update(ports=["7300:8000"])),
    ("published_ports", lambda s: s["kafka"].update(ports=["0.0.0.0:9092:9092"])),
    ("hardened", lambda s: s["alerts"].update(read_only=False)),
    ("hardened", lambda s: s["health"].pop("cap_drop")),
    ("limits", lambda s: s["postgres"].pop("mem_limit")),
    ("limits", lambda s: s["kafka"]["ulimits"]["nofile"].update(hard="1048576")),
    ("networks", lambda s: s["postgres"].update(networks=["front", "back"])),
    ("required_secrets", lambda s: s["gateway"]["environment"].update(KIZASHI_MASTER_KEYS="AAAA")),
    ("required_secrets", lambda s: s["ingest"]["environment"].update(KIZASHI_SERVICE_TOKEN="${TOKEN:-development}")),
]


@pytest.mark.parametrize(("rule", "plant"), FAULTS, ids=[f"{rule}-{i}" for i, (rule, _) in enumerate(FAULTS)])
def test_each_rule_finds_a_planted_fault(rule: str, plant: Callable[[dict[str, Any]], Any]) -> None:
    found = {one.__name__: list(one(_broken(plant))) for one in RAW_RULES}
    assert len(found.pop(rule)) == 1
    assert not any(found.values()), found


def test_every_setting_in_it_is_known() -> None:
    known = frozenset().union(*(cls.names() for cls in (*KNOWN, CanarySettings)))
    told = {
        name
        for service in WRITTEN["services"].values()
        for name in service.get("environment") or {}
        if name.startswith("KIZASHI_") and service["image"].startswith("kizashi:")
    }
    assert told - known == set()


# -- with Compose itself, which needs no engine for this


def config(env_file: Path, profile: str, *, file: Path = FILE) -> subprocess.CompletedProcess[str]:
    """`docker compose config -q` with these variables and none of ours."""
    compose = needed("docker-compose")
    around = {name: value for name, value in os.environ.items() if not name.startswith("KIZASHI_")}
    command = [compose, "--env-file", env_file, "--file", file, "--project-directory", ROOT]
    chosen = ["--profile", profile] if profile else []
    return subprocess.run(
        [*command, *chosen, "config", "-q"], capture_output=True, text=True, check=False, env=around, timeout=60
    )


@pytest.fixture(scope="module")
def env_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("env") / ".env"
    subprocess.run([ROOT / "scripts" / "make-env", file], check=True, capture_output=True, timeout=60)
    return file


@pytest.mark.parametrize("profile", PROFILES)
def test_compose_takes_it_with_what_make_up_writes(profile: str, env_file: Path) -> None:
    done = config(env_file, profile)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("profile", PROFILES)
def test_without_secrets_it_refuses_and_names_the_command(profile: str, tmp_path: Path) -> None:
    (tmp_path / "none").touch()
    done = config(tmp_path / "none", profile)
    assert done.returncode != 0
    assert "run make up" in done.stderr


def test_each_secret_of_its_own_is_missed(env_file: Path, tmp_path: Path) -> None:
    lines = env_file.read_text().splitlines()
    names = [line.partition("=")[0] for line in lines if line.startswith("KIZASHI_") and not line.endswith(".invalid/")]
    silent = []
    for name in names:
        (tmp_path / "env").write_text("\n".join(line for line in lines if not line.startswith(f"{name}=")))
        if config(tmp_path / "env", "observability").returncode == 0:
            silent.append(name)
    assert silent == []


def test_compose_finds_a_planted_fault(env_file: Path, tmp_path: Path) -> None:
    wrong = copy.deepcopy(WRITTEN)
    wrong["services"]["gateway"]["networks"] = ["nowhere"]
    (tmp_path / "compose.yml").write_text(yaml.safe_dump(wrong))
    assert "nowhere" in config(env_file, "", file=tmp_path / "compose.yml").stderr
