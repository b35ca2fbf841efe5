"""A folder for an installation on Apache Kafka; without one there is nothing to kill."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kizashi_local.broker.kafka_jars import NoKafka, require_java
from tests.conftest import JARS


@pytest.fixture
def folder() -> Iterator[Path]:
    try:
        require_java(os.environ)
    except NoKafka as error:
        pytest.skip(f"no kafka broker here: {error.detail}")
    if shutil.which("mvn") is None and not JARS.exists():
        pytest.skip("no kafka broker here: there is no Maven (mvn) on PATH")
    made = Path(tempfile.mkdtemp(prefix="kizashi-chaos-"))
    made.chmod(0o711)  # PostgreSQL runs as another account
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
