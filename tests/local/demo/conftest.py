"""One demo for all of its stories: `kizashi up --demo` over a fresh directory takes a minute or two."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import httpx2
import pytest_asyncio

from tests.stories.harness import kizashi_up


@dataclass(frozen=True)
class RunningDemo:
    """A demo that is ready, as its gateway shows it. `day` is the day it was made on."""

    gateway: str
    admin_key: str
    day: date

    def client(self) -> httpx2.AsyncClient:
        """The gateway's API, as the first admin."""
        headers = {"authorization": f"Bearer {self.admin_key}"}
        return httpx2.AsyncClient(base_url=self.gateway, headers=headers, timeout=60)


@pytest_asyncio.fixture(scope="session")
async def demo() -> AsyncIterator[RunningDemo]:
    folder = _folder()
    day = datetime.now(UTC).date()
    try:
        async with kizashi_up(folder / "data", "--demo") as running:
            yield RunningDemo(running.gateway, str(running.ready["admin_key"]), day)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _folder() -> Path:
    """A folder of its own that PostgreSQL, which runs as another account under root, can get through."""
    folder = Path(tempfile.mkdtemp(prefix="kizashi-demo-"))
    folder.chmod(0o711)
    return folder
