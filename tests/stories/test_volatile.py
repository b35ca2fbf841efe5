"""The first hour on a machine without Java: the packaged volatile broker, which says what it does not keep."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.stories.harness import kizashi_up
from tests.stories.test_first_hour import test_sdk_events_become_a_score_an_alert_and_a_signed_webhook as first_hour

pytestmark = pytest.mark.story


async def test_the_first_hour_is_the_same_on_the_volatile_broker() -> None:
    folder = Path(tempfile.mkdtemp(prefix="kizashi-story-"))
    folder.chmod(0o711)
    environment = {"KIZASHI_SCORES_PUBLISH_EVERY_MS": "500"}
    try:
        async with kizashi_up(folder / "data", "--broker", "volatile", environment=environment) as product:
            await first_hour(product)
            said = product.log.read_text()
        assert product.ready["broker"] == "volatile"
        assert "what is in flight at a crash is lost" in said
    finally:
        shutil.rmtree(folder, ignore_errors=True)
