"""The design's executable reference, where this repository stands beside it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

REFERENCE = Path(__file__).resolve().parents[4] / "shared" / "design" / "pulse_reference.py"


@pytest.fixture(scope="session")
def reference() -> ModuleType:
    if not REFERENCE.is_file():
        pytest.skip(
            "the design's executable reference (shared/design/pulse_reference.py) is not beside this repository"
        )
    spec = importlib.util.spec_from_file_location("pulse_reference", REFERENCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
