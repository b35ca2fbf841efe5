"""Logs and spans of a test, caught where they come out."""

from __future__ import annotations

import gc
import io
import logging
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from kizashi_common.telemetry.export import record
from kizashi_common.telemetry.logging import configure

SERVICES = ("ingest", "health", "alerts", "gateway")


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Where the lines go; afterwards logging is as it was."""
    # What earlier tests left is told when it is collected, and must not be told in here.
    gc.collect()
    stream = io.StringIO()
    handlers = logging.getLogger().handlers[:]
    configure(text=False, stream=stream, version="1.2.3", instance="node-1")
    yield stream
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = handlers
    logging.captureWarnings(capture=False)


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Everything is recorded, into memory."""
    yield from _recorded("1")


@pytest.fixture
def rare() -> Iterator[InMemorySpanExporter]:
    """Nothing is recorded that nobody asked for."""
    yield from _recorded("0")


def _recorded(ratio: str) -> Iterator[InMemorySpanExporter]:
    kept = InMemorySpanExporter()
    end = record(SERVICES, ("1.0", "node-1"), {"OTEL_TRACES_SAMPLER_ARG": ratio}, SimpleSpanProcessor(kept))
    yield kept
    end()
