"""Spans reach a collector that is there, and cost nothing but themselves where it is not."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from time import perf_counter
from typing import Any

import pytest
import pytest_asyncio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from kizashi_common.errors import Invalid
from kizashi_common.telemetry import tracing
from kizashi_common.telemetry.export import Once, sampler
from kizashi_common.telemetry.trace_records import sending
from tests.alerts.receiver import Receiver, receiving
from tests.ports import free_port

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
FRESH = 0x0192F0C1D2E37ABC8DEF0123456789AB
SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest_asyncio.fixture
async def collector() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


def a_request() -> None:
    with tracing.serving("ingest", "POST", SAMPLED, FRESH, is_public=False), sending("ingest", "kizashi.events.v1"):
        pass


async def test_spans_of_each_service_reach_the_collector(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch, lines: io.StringIO
) -> None:
    environment = {ENDPOINT: f"http://127.0.0.1:{collector.port}"}
    monkeypatch.setenv(ENDPOINT, environment[ENDPOINT])

    def work() -> None:
        with tracing.exported(["ingest", "health"], "1.2.3", "node-1", environment):
            a_request()

    await asyncio.to_thread(work)
    (got,) = collector.got
    sent = ExportTraceServiceRequest.FromString(got.body).resource_spans
    names = [span.name for one in sent for scope in one.scope_spans for span in scope.spans]
    assert got.path == "/v1/traces"
    assert names == ["send kizashi.events.v1", "POST"]
    told = {pair.key: pair.value.string_value for pair in sent[0].resource.attributes}
    assert (told["service.name"], told["service.version"], told["service.instance.id"]) == (
        "kizashi-ingest",
        "1.2.3",
        "node-1",
    )
    assert lines.getvalue() == ""
    assert tracing.recorder_of("ingest") is None


def test_a_collector_that_is_not_there_is_told_once_and_delays_nobody(
    monkeypatch: pytest.MonkeyPatch, lines: io.StringIO
) -> None:
    environment = {ENDPOINT: f"http://127.0.0.1:{free_port()}"}
    monkeypatch.setenv(ENDPOINT, environment[ENDPOINT])
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.5")
    with tracing.exported(["ingest"], "1.2.3", "node-1", environment):
        began = perf_counter()
        for _ in range(10_000):
            a_request()
        took = perf_counter() - began
    assert took < 10, "requests waited for the collector"
    assert perf_counter() - began - took < 5, "the stop waited for the collector"
    assert [line for line in lines.getvalue().splitlines() if "traces_not_exported" not in line] == []
    assert lines.getvalue().count("\n") == 1


@pytest.mark.parametrize("share", ["abc", "", "1.5", "-1"])
def test_a_share_that_is_none_stops_the_start(share: str) -> None:
    with pytest.raises(Invalid, match="OTEL_TRACES_SAMPLER_ARG"):
        sampler({"OTEL_TRACES_SAMPLER_ARG": share})


class Collector(SpanExporter):
    """Takes spans when it is there."""

    is_there = False

    def export(self, spans: Any) -> SpanExportResult:
        return SpanExportResult.SUCCESS if self.is_there else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Nothing to close."""


def test_a_collector_that_is_away_is_told_once_and_its_return_once(lines: io.StringIO) -> None:
    collector = Collector()
    once = Once(collector)
    for is_there in (False, False, False, True, True, False):
        collector.is_there = is_there
        once.export([])
    said = [line for line in lines.getvalue().splitlines() if "traces_" in line]
    assert ["traces_not_exported" in line for line in said] == [True, False]
    assert "traces_exported_again" in said[1]
