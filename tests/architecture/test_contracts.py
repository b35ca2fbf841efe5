"""The import contracts bite: a violation of each, planted in a copy of the packages, is caught (ARCHITECTURE.md 4)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.planting import Plant, packages

pytestmark = pytest.mark.slow

ROOT: Final = Path(__file__).resolve().parents[2]
CONTRACTS: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
SERVICES: Final = ("ingest", "health", "alerts", "gateway")

PLANTS: Final = [
    # services meet on topics, and nobody looks up
    Plant("islands", "kizashi_health.domain.planted", "import kizashi_alerts.domain"),
    Plant("islands", "kizashi_gateway.adapters.planted", "import kizashi_health.adapters"),
    Plant("islands", "kizashi_common.runtime.planted", "import kizashi_ingest.compose"),
    Plant("islands", "kizashi_local.planted", "import kizashi_cli.main"),
    # every service has the same inside
    *(Plant("rings", f"kizashi_{name}.planted", "'''A file that no layer lists.'''") for name in SERVICES),
    *(Plant("rings", f"kizashi_{name}.domain.planted", f"import kizashi_{name}.metrics") for name in SERVICES),
    *(Plant("rings", f"kizashi_{name}.adapters.planted", f"import kizashi_{name}.application") for name in SERVICES),
    *(Plant("rings", f"kizashi_{name}.application.planted", f"import kizashi_{name}.compose") for name in SERVICES),
    Plant("rings", "kizashi_health.engine.planted", "import kizashi_health.adapters"),
    Plant("rings", "kizashi_gateway.queries.planted", "import kizashi_gateway.adapters"),
    # libs/common is a house
    Plant("floors", "kizashi_common.planted", "'''A drawer.'''"),
    Plant("floors", "kizashi_common.errors", "import kizashi_common.contracts"),
    Plant("floors", "kizashi_common.contracts.planted", "import kizashi_common.bus.bus"),
    Plant("floors", "kizashi_common.bus.planted", "import kizashi_common.db.database"),
    Plant("floors", "kizashi_common.http.planted", "import kizashi_common.runtime.service"),
    # what decides is pure, also by a detour
    Plant("pure", "kizashi_health.domain.planted", "import time"),
    Plant("pure", "kizashi_ingest.domain.planted", "import asyncio"),
    Plant("pure", "kizashi_health.engine.planted", "import logging"),
    Plant("pure", "kizashi_alerts.engine.planted", "from sqlalchemy import text"),
    Plant("pure", "kizashi_gateway.domain.planted", "import starlette.requests"),
    Plant("pure", "kizashi_common.contracts.planted", "import os"),
    Plant("pure", "kizashi_common.expressions.planted", "import random"),
    Plant("pure", "kizashi_common.stream.dedupe", "import secrets"),
    Plant("pure", "kizashi_common.stream.completeness", "import kizashi_common.stream.runner"),
    # tools stay in adapters
    *(
        Plant("tools", f"kizashi_{service}.application.planted", f"import {tool}")
        for service, tool in zip(SERVICES, ("starlette", "asyncpg", "aiokafka", "httpx2"), strict=True)
    ),
    Plant("tools", "kizashi_gateway.application.planted", "from fastapi import Request"),
    Plant("tools", "kizashi_health.application.planted", "from sqlalchemy import select"),
    # siblings are strangers, also by a detour over their own folder
    Plant("strangers", "kizashi_ingest.domain.dialects.planted", "import kizashi_ingest.domain.dialects.native"),
    Plant("strangers", "kizashi_health.domain.signals.planted", "import kizashi_health.domain.signals.usage"),
    Plant("strangers", "kizashi_alerts.adapters.channels.planted", "import kizashi_alerts.adapters.channels.webhook"),
    Plant("strangers", "kizashi_gateway.rest.planted", "import kizashi_gateway.rest.accounts"),
    Plant("strangers", "kizashi_gateway.console.pages.planted", "import kizashi_gateway.console.pages.portfolio.page"),
    Plant("strangers-below", "kizashi_health.domain.facts.planted", "import kizashi_health.domain.facts.seats"),
    Plant("strangers-below", "kizashi_gateway.queries.planted", "import kizashi_gateway.queries.accounts"),
    # one writer for each table
    *(
        Plant(f"one-writer-{owner}", f"kizashi_{other}.adapters.planted", f"import kizashi_common.db.tables.{owner}")
        for owner, other in zip(SERVICES, ("health", "alerts", "gateway", "ingest"), strict=True)
    ),
    Plant("one-writer-health", "kizashi_health.application.planted", "from kizashi_common.db.tables import health"),
    Plant("one-writer-gateway", "kizashi_gateway.queries.planted", "import kizashi_common.db.tables.gateway"),
    # only queries read the views
    Plant("read-side", "kizashi_health.adapters.planted", "import kizashi_common.db.views"),
    Plant("read-side", "kizashi_gateway.rest.planted", "from kizashi_common.db import views"),
    # few hands
    Plant("few-hands-aiokafka", "kizashi_ingest.adapters.planted", "from aiokafka import AIOKafkaProducer"),
    Plant("few-hands-cel", "kizashi_alerts.engine.planted", "import cel_expr_python"),
    Plant("few-hands-httpx2", "kizashi_gateway.rest.planted", "import httpx2"),
    Plant("few-hands-opentelemetry", "kizashi_health.engine.planted", "import opentelemetry.trace"),
    # no cycles
    Plant("no-cycles", "kizashi_common.errors", "import kizashi_common.contracts.ids"),
]


@pytest.fixture(scope="module")
def verdict(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What the linter said of a copy of the packages, clean and with each plant."""
    copy = tmp_path_factory.mktemp("planted")
    for name, folder in packages(ROOT).items():
        target = copy / folder.relative_to(ROOT)
        shutil.copytree(folder, target, ignore=shutil.ignore_patterns("__pycache__"))
        assert name.startswith("kizashi_")
    shutil.copy(ROOT / "pyproject.toml", copy)
    path = os.pathsep.join([*(str(folder.parent) for folder in packages(copy).values()), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", "tests.architecture.planting", str(copy)],
        input=json.dumps(PLANTS),
        capture_output=True,
        text=True,
        cwd=copy,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "400"},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_the_packages_keep_every_contract(verdict: dict[str, object]) -> None:
    assert verdict["clean"], verdict["said"]


@pytest.mark.parametrize("index", range(len(PLANTS)), ids=[f"{p.contract}: {p.module}: {p.line}" for p in PLANTS])
def test_a_planted_violation_is_caught(verdict: dict[str, object], index: int) -> None:
    caught = verdict["caught"]
    assert isinstance(caught, list)
    assert caught[index], f"import-linter let {PLANTS[index]} pass"


def test_every_contract_has_a_plant() -> None:
    assert {contract["id"] for contract in CONTRACTS} == {plant.contract for plant in PLANTS}
