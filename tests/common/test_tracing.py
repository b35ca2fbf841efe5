"""Spans by hand: what crosses a border, what is recorded, what it may say; and that nothing is, without a collector."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from kizashi_common.contracts.envelope import Outgoing, Record, caused_by
from kizashi_common.telemetry import tracing
from kizashi_common.telemetry.allowance import Allowance
from kizashi_common.telemetry.export import sampler
from kizashi_common.telemetry.spans import Attribute
from kizashi_common.telemetry.trace_records import MOST_LINKS, Sent, Slices, carried, sending
from tests.conftest import START

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"
FRESH = 0x0192F0C1D2E37ABC8DEF0123456789AB


def a_record(offset: int, traceparent: str | None) -> Record:
    headers = (("content-type", b"x"), *((("traceparent", traceparent.encode()),) if traceparent else ()))
    return Record("kizashi.events.v1", 0, offset, START, b"k", b"{}", headers)


def an_outgoing(traceparent: str | None) -> Outgoing:
    return Outgoing(b"k", b"{}", a_record(0, traceparent).headers)


# -- the header


def test_a_header_is_read_and_written_as_w3c_says() -> None:
    context = tracing.parsed(SAMPLED)
    assert context is not None
    assert (f"{context.trace_id:032x}", f"{context.span_id:016x}", context.trace_flags.sampled) == (TRACE, SPAN, True)
    assert tracing.written(context) == SAMPLED


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-zz",
        f" {SAMPLED}",
        SAMPLED + "\n",
        "x" * 10_000,
    ],
)
def test_what_is_no_header_is_no_context(header: str | None) -> None:
    assert tracing.parsed(header) is None


@given(st.text())
def test_no_text_breaks_the_reader(header: str) -> None:
    tracing.parsed(header)


def test_a_later_version_with_more_in_it_is_understood() -> None:
    assert tracing.parsed(f"01-{TRACE}-{SPAN}-09-what.comes") is not None


# -- nobody records


def test_without_a_collector_a_request_has_an_id_and_nothing_is_sent_on() -> None:
    with tracing.serving("ingest", "POST", None, FRESH, is_public=True) as span:
        assert tracing.trace_id() == f"{FRESH:032x}"
        assert tracing.exemplar() is None
        with sending("ingest", "kizashi.events.v1") as inner:
            assert carried(inner) is None
        assert not span.is_recording()
    assert tracing.trace_id() is None
    assert tracing.traceparent() is None


def test_without_a_collector_the_callers_own_context_goes_on_unchanged() -> None:
    with (
        tracing.serving("ingest", "POST", SAMPLED, FRESH, is_public=True),
        sending("ingest", "kizashi.events.v1") as span,
    ):
        assert carried(span) == SAMPLED
        assert tracing.traceparent() == SAMPLED
    with tracing.delivering("alerts", "webhook", SAMPLED, FRESH):
        assert tracing.traceparent() == SAMPLED


def test_without_a_collector_records_and_slices_cost_nothing() -> None:
    records = [an_outgoing(SAMPLED)]
    with Sent("health", "kizashi.scores.v1", records) as sent:
        assert sent is records
    slices = Slices("health", "kizashi.events.v1", 0)
    slices.taken([a_record(0, SAMPLED)])
    assert slices.trace_id is None


def test_the_sdk_is_not_imported_where_no_collector_is_named() -> None:
    with tracing.exported(["ingest"], "1", "n", {}):
        assert tracing.recorder_of("ingest") is None
    with tracing.exported(["ingest"], "1", "n", {"OTEL_EXPORTER_OTLP_ENDPOINT": "x", "OTEL_SDK_DISABLED": "true"}):
        assert tracing.recorder_of("ingest") is None


# -- somebody records


def test_a_request_and_what_it_sends_are_parent_and_child(spans: InMemorySpanExporter) -> None:
    with (
        tracing.serving("ingest", "POST", SAMPLED, FRESH, is_public=True),
        sending("ingest", "kizashi.events.v1") as span,
    ):
        header = carried(span)
    producer, server = spans.get_finished_spans()
    assert (producer.name, producer.kind, server.kind) == ("send kizashi.events.v1", SpanKind.PRODUCER, SpanKind.SERVER)
    assert header is not None
    assert header.startswith(f"00-{TRACE}-{producer.context.span_id:016x}-01")
    assert producer.parent is not None
    assert producer.parent.span_id == server.context.span_id
    assert server.parent is not None
    assert f"{server.parent.span_id:016x}" == SPAN
    assert server.resource.attributes["service.name"] == "kizashi-ingest"


def test_one_in_a_hundred_is_the_default_and_ours_to_change() -> None:
    assert "0.01" in sampler({}).get_description()
    assert "0.5" in sampler({"OTEL_TRACES_SAMPLER_ARG": "0.5"}).get_description()
    assert sampler({"OTEL_TRACES_SAMPLER": "always_on"}) is not None


def test_a_caller_who_records_is_recorded_and_one_who_does_not_is_not(rare: InMemorySpanExporter) -> None:
    for header in (SAMPLED, UNSAMPLED, None):
        with tracing.serving("alerts", "POST", header, FRESH, is_public=False):
            assert tracing.trace_id() is not None
    assert len(rare.get_finished_spans()) == 1


def test_strangers_are_recorded_within_an_allowance_and_keep_their_trace(rare: InMemorySpanExporter) -> None:
    for _ in range(500):
        with tracing.serving("ingest", "POST", SAMPLED, FRESH, is_public=True):
            assert tracing.trace_id() == TRACE
    assert 1 <= len(rare.get_finished_spans()) <= 100


def test_an_allowance_fills_again_with_time_and_not_above_its_measure() -> None:
    now = 0.0
    allowance = Allowance(10, lambda: now)
    assert [allowance.take() for _ in range(12)] == [True] * 10 + [False] * 2
    now = 0.5
    assert [allowance.take() for _ in range(6)] == [True] * 5 + [False]
    now = 1_000.0
    assert sum(allowance.take() for _ in range(50)) == 10


def test_a_slice_is_one_span_with_a_link_for_each_recorded_request(rare: InMemorySpanExporter) -> None:
    slices = Slices("health", "kizashi.events.v1", 7)
    other = f"00-{TRACE}-{'1' * 16}-01"
    slices.taken(
        [a_record(40, SAMPLED), a_record(41, SAMPLED), a_record(42, None), a_record(43, other), a_record(44, UNSAMPLED)]
    )
    assert slices.trace_id is not None
    assert not rare.get_finished_spans()
    slices.settled("committed")
    (span,) = rare.get_finished_spans()
    assert (span.name, span.kind, span.parent) == ("process kizashi.events.v1", SpanKind.CONSUMER, None)
    assert [f"{link.context.span_id:016x}" for link in span.links] == [SPAN, "1" * 16]
    assert span.attributes is not None
    assert (span.attributes[Attribute.OFFSET], span.attributes[Attribute.COUNT]) == (40, 5)
    assert span.attributes[Attribute.OUTCOME] == "committed"
    assert slices.trace_id is None


def test_links_are_bounded_and_a_slice_without_recorded_requests_is_no_span(spans: InMemorySpanExporter) -> None:
    slices = Slices("health", "kizashi.events.v1", 7)
    slices.taken([a_record(0, None), a_record(1, UNSAMPLED)])
    slices.taken([a_record(i, f"00-{TRACE}-{i:016x}-01") for i in range(2, 1_000)])
    slices.settled("fenced")
    (span,) = spans.get_finished_spans()
    assert len(span.links) == MOST_LINKS
    assert span.status.status_code is StatusCode.ERROR


def test_a_stored_record_of_a_recorded_trace_is_sent_as_a_span_of_its_own(rare: InMemorySpanExporter) -> None:
    with Sent("health", "kizashi.scores.v1", [an_outgoing(None), an_outgoing(SAMPLED), an_outgoing(UNSAMPLED)]) as sent:
        headers = [caused_by(one.headers) for one in sent]
    (span,) = rare.get_finished_spans()
    assert headers == [None, f"00-{TRACE}-{span.context.span_id:016x}-01", UNSAMPLED]
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == SPAN


def test_what_failed_is_marked_by_its_kind_alone(spans: InMemorySpanExporter) -> None:
    with (
        pytest.raises(ValueError, match="hunter2"),
        tracing.serving("ingest", "POST", None, FRESH, is_public=True),
        Sent("health", "kizashi.scores.v1", [an_outgoing(SAMPLED)]),
        sending("ingest", "kizashi.events.v1"),
    ):
        raise ValueError("hunter2")
    found = spans.get_finished_spans()
    assert len(found) == 3
    assert {span.status.status_code for span in found} == {StatusCode.ERROR}
    assert {(span.attributes or {})[Attribute.ERROR] for span in found} == {"ValueError"}
    assert "hunter2" not in "".join(span.to_json() for span in found)


def test_an_exemplar_names_a_trace_that_can_be_looked_up(rare: InMemorySpanExporter) -> None:
    with tracing.serving("alerts", "POST", SAMPLED, FRESH, is_public=False):
        assert tracing.exemplar() == {"trace_id": TRACE}
    with tracing.serving("alerts", "POST", UNSAMPLED, FRESH, is_public=False):
        assert tracing.exemplar() is None
    assert tracing.exemplar_of(SAMPLED) == {"trace_id": TRACE}
    assert tracing.exemplar_of(UNSAMPLED) is None
    assert tracing.exemplar_of(None) is None


def test_attributes_come_from_the_closed_list(spans: InMemorySpanExporter) -> None:
    slices = Slices("health", "kizashi.events.v1", 7)
    slices.taken([a_record(0, SAMPLED)])
    slices.settled("committed")
    with tracing.delivering("alerts", "webhook", SAMPLED, FRESH):
        tracing.describe({Attribute.ATTEMPT: 1, Attribute.STATUS: 500}, is_failure=True)
    with tracing.serving("ingest", "POST", None, FRESH, is_public=True), sending("ingest", "kizashi.events.v1"):
        pass
    said = {name for span in spans.get_finished_spans() for name in span.attributes or {}}
    assert said <= {str(attribute) for attribute in Attribute}
