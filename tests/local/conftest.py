"""Fixtures of local mode: a data directory that PostgreSQL's account can enter, and one folder of jars for all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest


@pytest.fixture
def data() -> Iterator[Path]:
    """Not pytest's own folder: it is 0700 under root, and PostgreSQL runs as another account."""
    parent = Path(tempfile.mkdtemp(prefix="kizashi-local-"))
    parent.chmod(0o711)
    yield parent / "data"
    shutil.rmtree(parent, ignore_errors=True)


@pytest.fixture
def environment() -> Mapping[str, str]:
    """The environment without our settings, with one folder of jars for all runs of the tests."""
    around = {name: value for name, value in os.environ.items() if not name.startswith("KIZASHI_")}
    shared = Path(tempfile.gettempdir()) / "kizashi-kafka-jars"
    return {**around, "KIZASHI_KAFKA_JARS_DIR": os.environ.get("KIZASHI_KAFKA_JARS_DIR", str(shared))}
