"""A log line is one JSON object, and holds nothing that must not be read by whoever reads logs."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
import structlog

from kizashi_common.telemetry.logging import configure, get_logger


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Where the lines go; afterwards logging is as it was."""
    stream = io.StringIO()
    configure(text=False, stream=stream, version="1.2.3")
    yield stream
    structlog.reset_defaults()


def test_a_fact_is_one_line_with_its_fields(lines: io.StringIO) -> None:
    get_logger("health").bind(partition=3).info("flushed", rows=12)
    line = json.loads(lines.getvalue())
    assert lines.getvalue().count("\n") == 1
    assert {
        "service": "health",
        "partition": 3,
        "event": "flushed",
        "rows": 12,
        "version": "1.2.3",
    }.items() <= line.items()
    assert line["level"] == "info"
    assert line["ts"].endswith("Z")


@pytest.mark.parametrize("field", ["payload", "user_id", "email", "token", "password", "authorization", "key"])
def test_a_field_that_could_hold_a_secret_is_dropped(lines: io.StringIO, field: str) -> None:
    get_logger("ingest").warning("refused", **{field: "hunter2"})
    assert "hunter2" not in lines.getvalue()


def test_an_error_is_logged_by_kind_and_place_without_its_words(lines: io.StringIO) -> None:
    try:
        try:
            raise ValueError("hunter2")
        except ValueError as cause:
            raise RuntimeError("hunter2 again") from cause
    except RuntimeError as error:
        get_logger("alerts").error("broken", error=error)
    line = json.loads(lines.getvalue())
    assert (line["error"], line["cause"]) == ("RuntimeError", "ValueError")
    assert line["frames"][-1].endswith("test_an_error_is_logged_by_kind_and_place_without_its_words")
    assert "hunter2" not in lines.getvalue()
