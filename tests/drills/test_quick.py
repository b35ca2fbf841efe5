"""The quick drills, at a tenth of all spans of time: the long set is `make drills`."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from kizashi_local.broker.kafka_jars import NoKafka, require_java
from tests.conftest import JARS
from tests.drills.drill import Drill
from tests.drills.pace import SCALED
from tests.drills.plant import Plant, planted
from tests.drills.report import page
from tests.drills.running import carried_out
from tests.drills.table import DRILLS
from tests.ops.tools import needed

pytestmark = pytest.mark.drill


@pytest_asyncio.fixture(scope="module")
async def plant() -> AsyncIterator[Plant]:
    """One for all quick drills; skipped by name where it, or who looks on, cannot be had."""
    needed("prometheus")
    needed("alertmanager")
    try:
        require_java(os.environ)
    except NoKafka as error:
        pytest.skip(f"no kafka broker here: {error.detail}")
    if shutil.which("mvn") is None and not JARS.exists():
        pytest.skip("no kafka broker here: there is no Maven (mvn) on PATH")
    async with planted(SCALED) as made:
        yield made


@pytest.mark.parametrize("drill", [drill for drill in DRILLS if drill.quick], ids=lambda drill: drill.name)
async def test_a_fault_wakes_whom_it_must_and_costs_nothing(plant: Plant, drill: Drill, tmp_path: Path) -> None:
    seen = await carried_out(drill, plant, tmp_path)
    print(page([seen], SCALED))
    assert seen.faults() == []
