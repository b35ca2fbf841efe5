"""Alerts on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.alerts.stage import Stage
from tests.conftest import Databases
from tests.twins.clock import SetClock


@pytest_asyncio.fixture
async def stage(databases: Databases, clock: SetClock) -> AsyncIterator[Stage]:
    made = Stage(databases, clock)
    await made.open()
    yield made
    await made.close()
