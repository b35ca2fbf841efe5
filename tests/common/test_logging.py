"""A log line is one JSON object, and holds nothing that must not be read by whoever reads logs."""

from __future__ import annotations

import io
import json
import logging
import warnings
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from kizashi_common.telemetry.log_filters import Repeats, harmless
from kizashi_common.telemetry.logging import Within, configure, get_logger, within


def last(lines: io.StringIO) -> dict[str, Any]:
    """The last line, read."""
    found: dict[str, Any] = json.loads(lines.getvalue().splitlines()[-1])
    return found


EARLY = get_logger("alerts")


def test_a_logger_that_a_module_made_before_speaks_as_configured(lines: io.StringIO) -> None:
    EARLY.info("service_ready")
    assert (last(lines)["service"], last(lines)["version"]) == ("alerts", "1.2.3")


def test_a_fact_is_one_line_with_its_fields(lines: io.StringIO) -> None:
    get_logger("health").bind(partition=3).info("slot_loaded", offset=12, reason=None)
    assert lines.getvalue().count("\n") == 1
    line = last(lines)
    assert line.pop("ts").endswith("Z")
    assert line == {
        "service": "health", "partition": 3, "event": "slot_loaded", "offset": 12, "version": "1.2.3",
        "instance": "node-1", "level": "info",
    }  # fmt: skip


@pytest.mark.parametrize("field", ["payload", "user_id", "email", "token", "password", "authorization", "key", "name"])
def test_a_field_that_is_not_on_the_list_loses_its_value(lines: io.StringIO, field: str) -> None:
    get_logger("ingest").warning("heartbeat_failed", **{field: "hunter2"})
    assert "hunter2" not in lines.getvalue()
    assert last(lines)[field] == "dropped"


def test_an_event_that_is_not_on_the_list_is_told_as_such(lines: io.StringIO) -> None:
    get_logger("ingest").warning("user hunter2 was refused")
    assert "hunter2" not in lines.getvalue()
    assert last(lines)["event"] == "undeclared_event"


@pytest.mark.parametrize(
    "value",
    [
        "kza_0123456789ab_hunter2",
        "refused kzs_hunter2",
        "kzw_hunter2xx",
        "whsec_hunter2/+=",
        "Bearer hunter2",
        "basic hunter2==",
        "eyJhbGci.hunter2.sig",
        "postgresql://kizashi:hunter2@db:5432/kizashi",
        "https://hooks.example/T000/hunter2",
        "sent to hunter2@example.com at last",
        "A" * 30 + "hunter2" + "B" * 10,
    ],
)
@pytest.mark.parametrize("field", ["detail", "reason", "workspace", "template"])
def test_what_looks_like_a_secret_or_a_person_is_cut_out_of_a_text(lines: io.StringIO, field: str, value: str) -> None:
    get_logger("alerts").error("slot_stopped", **{field: value})
    assert "hunter2" not in lines.getvalue()


def test_a_value_that_is_no_number_text_or_day_is_dropped(lines: io.StringIO) -> None:
    get_logger("alerts").error("slot_stopped", detail={"hunter2": 1}, reason=b"hunter2", found=object())
    line = last(lines)
    assert (line["detail"], line["reason"], line["found"]) == ("dropped", "dropped", "dropped")


@given(
    st.text(alphabet=st.characters(blacklist_characters="@"), max_size=40), st.sampled_from(["kza_", "kzs_", "whsec_"])
)
def test_no_key_survives_whatever_stands_around_it(around: str, prefix: str) -> None:
    secret = "Zq9" * 7
    line = harmless(None, "", {"detail": f"{around} {prefix}{secret} {around}"})
    assert secret not in line["detail"]


def test_our_own_ids_survive(lines: io.StringIO) -> None:
    ids = {"account": "acc_" + "0a" * 16, "request_id": "req_" + "0b" * 16, "trace_id": "0c" * 16, "day": "2026-11-24"}
    get_logger("alerts").info("delivery_waits", workspace="acme-kk", topic="kizashi.scores.v1", **ids)
    assert ids.items() <= last(lines).items()
    assert last(lines)["topic"] == "kizashi.scores.v1"


def test_an_error_is_logged_by_kind_and_place_without_its_words(lines: io.StringIO) -> None:
    try:
        try:
            raise ValueError("hunter2")
        except ValueError as cause:
            raise RuntimeError("hunter2 again") from cause
    except RuntimeError as error:
        get_logger("alerts").error("worker_died", error=error)
    line = last(lines)
    assert (line["error"], line["cause"]) == ("RuntimeError", "ValueError")
    assert line["frames"][-1].endswith("test_an_error_is_logged_by_kind_and_place_without_its_words")
    assert "hunter2" not in lines.getvalue()


def test_a_library_is_quoted_by_its_template_alone(lines: io.StringIO) -> None:
    try:
        raise ValueError("hunter2")
    except ValueError:
        logging.getLogger("somebody.else").exception("Cannot send to %s", "hunter2")
    line = last(lines)
    assert (line["event"], line["template"], line["error"]) == ("third_party_log", "Cannot send to %s", "ValueError")
    assert (line["logger"], line["level"], line["service"]) == ("somebody.else", "error", "process")
    assert "hunter2" not in lines.getvalue()


def test_a_text_that_a_library_has_put_together_is_dropped(lines: io.StringIO) -> None:
    logging.getLogger("somebody.else").warning("Cannot send to hunter2")
    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: <Task 'hunter2'>")
    first, second = (json.loads(line) for line in lines.getvalue().splitlines())
    assert first["template"] == "dropped"
    assert second["template"] == "Task exception was never retrieved"
    assert "hunter2" not in lines.getvalue()


def test_a_warning_of_the_interpreter_becomes_a_line(lines: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("hunter2", UserWarning, stacklevel=1)
    assert last(lines)["logger"] == "py.warnings"
    assert "hunter2" not in lines.getvalue()


def test_what_is_said_inside_a_request_names_it(lines: io.StringIO) -> None:
    token = within.set(Within("gateway", "req_1"))
    get_logger().error("request_failed", route="/v1/accounts/{account}")
    within.reset(token)
    line = last(lines)
    assert (line["service"], line["request_id"], line["route"]) == ("gateway", "req_1", "/v1/accounts/{account}")


def test_an_error_that_repeats_is_said_the_first_tenth_and_hundredth_time(lines: io.StringIO) -> None:
    for _ in range(250):
        get_logger("health").warning("slot_waits", partition=1, reason="overloaded")
    get_logger("health").warning("slot_waits", partition=2, reason="overloaded")
    said = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [(line["partition"], line.get("count")) for line in said] == [(1, None), (1, 10), (1, 100), (2, None)]


def test_information_is_never_held_back(lines: io.StringIO) -> None:
    for _ in range(3):
        get_logger("health").info("day_began", workspace="acme")
    assert lines.getvalue().count("\n") == 3


def _passes(repeats: Repeats, **line: Any) -> bool:
    try:
        repeats(None, "", {"level": "error", "event": "slot_waits", **line})
    except structlog.DropEvent:
        return False
    return True


def test_after_ten_quiet_minutes_the_same_error_is_news_again() -> None:
    now = 0.0
    repeats = Repeats(lambda: now)
    assert _passes(repeats)
    assert not _passes(repeats)
    now = 599.0
    assert not _passes(repeats)
    now = 1_200.0
    assert _passes(repeats)


def test_memory_for_repeats_is_bounded_and_forgets_the_oldest() -> None:
    repeats = Repeats(lambda: 0.0)
    for partition in range(5_000):
        assert _passes(repeats, partition=partition)
    assert len(repeats._seen) == 1_000
    assert not _passes(repeats, partition=4_999)
    assert _passes(repeats, partition=0)


def test_text_for_eyes_goes_through_the_same_filters() -> None:
    stream = io.StringIO()
    configure(text=True, stream=stream, version="1")
    get_logger("ingest").warning("heartbeat_failed", detail="https://hunter2", user="hunter2")
    structlog.reset_defaults()
    assert "heartbeat_failed" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()
