"""A runbook for each alert and an alert for each runbook; what a runbook says to ask or to run exists."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final

import asyncpg
import promql_parser
import pytest
import yaml
from prometheus_client import REGISTRY

from kizashi_cli.main import COMMANDS
from kizashi_common.telemetry.log_events import EVENTS, FIELDS
from tests.conftest import Databases
from tests.ops.promtool import alert_names, rules
from tests.ops.tools import ROOT

FOLDER: Final = ROOT / "docs" / "runbooks"
RUNBOOKS: Final = sorted(FOLDER.glob("*.md"))
SECTIONS: Final = ["Meaning", "Effect on users", "First look", "Decide", "Do", "Prove it is over"]
MODULES: Final = (
    "kizashi_common.telemetry.metrics", "kizashi_ingest.metrics", "kizashi_health.metrics", "kizashi_alerts.metrics",
    "kizashi_gateway.metrics", "kizashi_cli.canary.metrics",
)  # fmt: skip
PROGRAMS: Final = {"docker", "kubectl", "curl", "date", "timedatectl"}


def blocks(text: str, kind: str) -> list[str]:
    """The fenced blocks of a kind."""
    return re.findall(rf"```{kind}\n(.*?)\n```", text, re.DOTALL)


def lines(text: str, kind: str) -> list[str]:
    return [line for block in blocks(text, kind) for line in block.splitlines()]


@cache
def known_series() -> set[str]:
    """Every series that is counted or recorded."""
    for module in MODULES:
        import_module(module)
    counted = {
        f"{metric.name}{ending}"
        for metric in REGISTRY.collect()
        for ending in ("", "_total", "_bucket", "_count", "_sum")
    }
    return counted | {rule["record"] for rule in rules() if "record" in rule}


def faults_of_queries(text: str, known: set[str]) -> list[str]:
    """What Prometheus would refuse, and series of ours that nobody counts."""
    found = []
    for line in lines(text, "promql"):
        try:
            promql_parser.parse(line)
        except ValueError as error:
            found.append(f"{line}: {error}")
        asked = re.findall(r"\b(kizashi_\w+|slo:[\w:]+)", re.sub(r'"[^"]*"', "", line))
        found += [f"{name} is counted nowhere" for name in asked if name not in known]
    return found


@cache
def compose_services(root: Path = ROOT) -> set[str]:
    return set(yaml.safe_load((root / "docker-compose.yml").read_text())["services"])


@cache
def workloads(root: Path = ROOT) -> set[str]:
    """Every workload of the manifests, as kubectl names it."""
    found = set()
    for path in (root / "deploy" / "k8s").rglob("*.yaml"):
        for held in yaml.safe_load_all(path.read_text()):
            kind = str(held.get("kind", "")).lower() if isinstance(held, dict) else ""
            if kind in {"statefulset", "deployment", "job"}:
                found.add(f"{kind}/{held['metadata']['name']}")
    return found


def faults_of_commands(text: str, services: set[str], known: set[str]) -> list[str]:
    """Programs, commands of ours, services and workloads that do not exist."""
    found = []
    for line in lines(text, "sh"):
        words = line.split()
        if words[0] not in PROGRAMS:
            found.append(f"{words[0]} is no program that a runbook may count on")
        ours = re.findall(r"(?:^|exec \w+ |run --rm \w+ )kizashi ([\w-]+)", line)
        found += [f"there is no `kizashi {one}`" for one in ours if one not in COMMANDS]
        named = re.findall(r"\b((?:statefulset|deployment|job)/[\w-]+)", line)
        found += [f"{one} is no workload of ours" for one in named if one not in known]
        if words[:2] == ["docker", "compose"]:
            after = re.sub(r"--(profile|since|tail) \S+", "", " ".join(words[2:])).split()
            argued = [word for word in after[1:] if not word.startswith("-")]
            single = {"exec", "run"} & {after[0]}
            found += [
                f"{one} is no service of the compose file"
                for one in argued[: 1 if single else None]
                if one not in services
            ]
    return found


def faults_of_words(text: str) -> list[str]:
    """Events of the log and alerts that are named and do not exist."""
    plain = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    events = set(re.findall(r"`([a-z]+_[a-z_]+)`", plain)) - set(EVENTS) - set(FIELDS)
    named = set(re.findall(r"\bKizashi[A-Z]\w+", plain)) - set(alert_names())
    return [f"`{one}` is never logged" for one in sorted(events)] + [f"{one} is no alert" for one in sorted(named)]


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    assert [path.stem for path in RUNBOOKS] == alert_names()


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)
def test_a_runbook_has_its_sections_and_is_short(path: Path) -> None:
    text = path.read_text()
    assert text.startswith(f"# {path.stem}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    assert all(section.strip() for section in re.split(r"^## .*$", text, flags=re.MULTILINE))
    assert len(text.splitlines()) <= 100
    assert (
        max(len(line) for line in text.splitlines() if not line.startswith(("sum", "max", "topk", "histogram"))) <= 180
    )


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)
def test_what_a_runbook_says_to_ask_and_run_exists(path: Path) -> None:
    text = path.read_text()
    assert faults_of_queries(text, known_series()) == []
    assert faults_of_commands(text, compose_services(), workloads()) == []
    assert faults_of_words(text) == []


def test_every_fault_that_is_planted_in_a_runbook_is_found() -> None:
    text = """# KizashiPlanted
`no_such_event`, see KizashiNowhere
```promql
sum(kizashi_nowhere_total)
sum(rate(kizashi_sli_total[5m])
```
```sh
docker compose logs helth
docker compose exec health kizashi reset-everything
kubectl rollout restart statefulset/alerts
frobnicate --all
```
"""
    assert len(faults_of_queries(text, known_series())) == 2
    assert faults_of_commands(text, compose_services(), workloads()) == [
        "helth is no service of the compose file",
        "there is no `kizashi reset-everything`",
        "statefulset/alerts is no workload of ours",
        "frobnicate is no program that a runbook may count on",
    ]
    assert faults_of_words(text) == [
        "`no_such_event` is never logged",
        "KizashiNowhere is no alert",
        "KizashiPlanted is no alert",
    ]


async def test_every_statement_of_a_runbook_is_understood_by_the_database(databases: Databases) -> None:
    connection = await asyncpg.connect(databases.owner_url)
    try:
        refused = []
        for path in RUNBOOKS:
            for block in blocks(path.read_text(), "sql"):
                statement = "\n".join(line for line in block.splitlines() if not line.startswith("--"))
                for one in filter(None, (part.strip() for part in statement.split(";"))):
                    try:
                        await connection.execute(f"EXPLAIN {one}")
                    except asyncpg.PostgresError as error:
                        refused.append(f"{path.stem}: {error}: {one}")
        assert refused == []
        with pytest.raises(asyncpg.PostgresError):
            await connection.execute("EXPLAIN SELECT planted FROM health.consumer_slot")
    finally:
        await connection.close()
