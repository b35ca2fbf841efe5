"""One running product for all stories; each story has accounts, and where it matters a workspace, of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.stories.harness import Kizashi, kizashi_up


@pytest_asyncio.fixture(scope="session")
async def product() -> AsyncIterator[Kizashi]:
    """An empty workspace, on the best broker that can be had here."""
    folder = Path(tempfile.mkdtemp(prefix="kizashi-story-"))
    folder.chmod(0o711)
    try:
        async with kizashi_up(folder / "data", environment={"KIZASHI_SCORES_PUBLISH_EVERY_MS": "500"}) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)
