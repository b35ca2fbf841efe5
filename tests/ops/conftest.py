"""What is read and rendered here, without a running product, is marked `ops`: `make ops-check` runs just that."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

HERE: Final = Path(__file__).parent
RUNNING: Final = ("story", "chaos", "postgres", "broker")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks every test of this folder that starts nothing."""
    for item in items:
        if HERE in item.path.parents and not any(item.get_closest_marker(name) for name in RUNNING):
            item.add_marker("ops")
