"""The spans of records: on their way to a topic (PRODUCER), and taken from one until they are committed (CONSUMER).

Source: OPERATIONS.md 8; decision 0043.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    set_span_in_context,
)

from kizashi_common.contracts.envelope import Headers, Outgoing, Record, caused_by
from kizashi_common.telemetry.spans import Attribute
from kizashi_common.telemetry.tracing import Recorder, Running, current, failed, parsed, recorder_of, written

MOST_LINKS: Final = 128
_NOBODY: Final = NonRecordingSpan(INVALID_SPAN_CONTEXT)

# -- producers


def sending(service: str, topic: str) -> AbstractContextManager[Span]:
    """A request's records on their way, from before they are made until they are acknowledged."""
    around, recorder = current(), recorder_of(service)
    if recorder is None or around is None or not around.is_recording():
        return nullcontext(around or _NOBODY)
    return Running(_producer(recorder, topic, around.get_span_context()))


def carried(span: Span) -> str | None:
    """The header for the records of a sending; None where the trace is not recorded, for most records need none."""
    context = span.get_span_context()
    return written(context) if context.trace_flags.sampled else None


class Sent:
    """Stored records on their way: each of a recorded trace is a PRODUCER span of its own, child of its cause."""

    def __init__(self, service: str, topic: str, records: Sequence[Outgoing]) -> None:
        self.records: Sequence[Outgoing] = records
        self._spans: list[Span] = []
        recorder = recorder_of(service)
        if recorder is not None:
            self.records = [self._traced(recorder, topic, record) for record in records]

    def _traced(self, recorder: Recorder, topic: str, record: Outgoing) -> Outgoing:
        parent = parsed(caused_by(record.headers))
        if parent is None or not parent.trace_flags.sampled:
            return record
        span = _producer(recorder, topic, parent)
        self._spans.append(span)
        return record._replace(headers=_continued(record.headers, span))

    def __enter__(self) -> Sequence[Outgoing]:
        """The records to send, each naming its own span."""
        return self.records

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """All of them were acknowledged, or failed together."""
        for span in self._spans:
            if error is not None:
                failed(span, error)
            span.end()


def _producer(recorder: Recorder, topic: str, parent: SpanContext) -> Span:
    context = set_span_in_context(NonRecordingSpan(parent))
    span = recorder.caused.start_span(f"send {topic}", context, SpanKind.PRODUCER)
    span.set_attribute(Attribute.SYSTEM, "kafka")
    span.set_attribute(Attribute.TOPIC, topic)
    return span


def _continued(headers: Headers, span: Span) -> Headers:
    return (*headers[:-1], (headers[-1][0], written(span.get_span_context()).encode()))


# -- consumers


class Slices:
    """What one partition has applied and not committed yet: a CONSUMER span for each slice, ended by its commit.

    Only slices that hold a record of a recorded trace become spans.
    """

    def __init__(self, service: str, topic: str, partition: int) -> None:
        self._service = service
        self._topic = topic
        self._partition = partition
        self._open: list[Span] = []

    def taken(self, records: Sequence[Record]) -> None:
        """These records, in order, are applied from now on."""
        recorder = recorder_of(self._service)
        links = _links(records) if recorder is not None else []
        if recorder is None or not links:
            return
        span = recorder.caused.start_span(f"process {self._topic}", kind=SpanKind.CONSUMER, links=links)
        span.set_attribute(Attribute.SYSTEM, "kafka")
        span.set_attribute(Attribute.TOPIC, self._topic)
        span.set_attribute(Attribute.PARTITION, str(self._partition))
        span.set_attribute(Attribute.OFFSET, records[0].offset)
        span.set_attribute(Attribute.COUNT, len(records))
        self._open.append(span)

    def settled(self, outcome: str) -> None:
        """What became of all that was taken: committed, fenced, stopped or left."""
        for span in self._open:
            span.set_attribute(Attribute.OUTCOME, outcome)
            if outcome != "committed":
                span.set_status(Status(StatusCode.ERROR))
            span.end()
        self._open.clear()

    @property
    def trace_id(self) -> str | None:
        """The first of the traces that wait here, for logs."""
        return f"{self._open[0].get_span_context().trace_id:032x}" if self._open else None


def _links(records: Sequence[Record]) -> list[Link]:
    """The recorded producers of these records, each once: records of one request share theirs."""
    headers = dict.fromkeys(caused_by(record.headers) for record in records)
    contexts = (parsed(header) for header in headers)
    return [Link(context) for context in contexts if context is not None and context.trace_flags.sampled][:MOST_LINKS]
