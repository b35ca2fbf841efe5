"""Traces: how one event's way is followed through doors, topics, tables and webhooks, in W3C's words.

Spans are made by hand, here and in `trace_records.py`. A request is a SERVER span; what it sends is a PRODUCER span,
whose `traceparent` travels in the record's last header, or in the row of an outbox until it can be sent; what a
consumer takes is one CONSUMER span for each slice of a partition, with links to the producers; a delivery is a CLIENT
span. Nothing but ids crosses a border: no baggage, no tracestate, and attributes from a closed list (`spans.py`).

Without a collector nothing is recorded: an id for the logs, and the caller's own context handed on, are all it costs.

Source: OPERATIONS.md 8; W3C Trace Context; decision 0043.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from typing import Final, NamedTuple

from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

from kizashi_common.telemetry.allowance import Allowance
from kizashi_common.telemetry.spans import Attribute

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
DISABLED: Final = "OTEL_SDK_DISABLED"
_HEADER: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_LOW: Final = (1 << 64) - 1
_UNSAMPLED, _SAMPLED = TraceFlags(TraceFlags.DEFAULT), TraceFlags(TraceFlags.SAMPLED)
_STRANGERS_PER_SECOND: Final = 10.0


class Recorder(NamedTuple):
    """Who makes the spans of a service: `asked` by its sampler, `caused` always, for what follows a recorded span."""

    asked: Tracer
    caused: Tracer


_recorders: dict[str, Recorder] = {}
_current: ContextVar[Span | None] = ContextVar("kizashi_span", default=None)


_strangers = Allowance(_STRANGERS_PER_SECOND)


def use(recorders: Mapping[str, Recorder]) -> None:
    """Spans of these services are recorded from now on; of none, when there are none."""
    _recorders.clear()
    _recorders.update(recorders)
    _strangers.refill()


@contextmanager
def exported(services: Iterable[str], version: str, instance: str, environment: Mapping[str, str]) -> Iterator[None]:
    """Sends traces to a collector while the block runs, if the environment names one; else nothing is recorded.

    OpenTelemetry's SDK is imported here and not above: where no collector is named it costs neither time nor memory.
    """
    if not any(environment.get(name) for name in ENDPOINTS) or environment.get(DISABLED, "").lower() == "true":
        yield
        return
    end: Callable[[], None] = import_module("kizashi_common.telemetry.export").export(
        services, (version, instance), environment
    )
    try:
        yield
    finally:
        end()


# -- what the current span is called


def trace_id() -> str | None:
    """The trace that is being worked on, as logs name it."""
    span = _current.get()
    return None if span is None else _id(span.get_span_context())


def traceparent() -> str | None:
    """The header that continues the current span elsewhere."""
    span = _current.get()
    return None if span is None else written(span.get_span_context())


def exemplar() -> dict[str, str] | None:
    """What a histogram's observation is tagged with: the trace, where it is recorded and can be looked up."""
    span = _current.get()
    return (
        {"trace_id": f"{span.get_span_context().trace_id:032x}"} if span is not None and span.is_recording() else None
    )


def exemplar_of(header: str | None) -> dict[str, str] | None:
    """The same for what a header names; None while nothing is recorded here."""
    context = parsed(header) if header is not None and _recorders else None
    return {"trace_id": f"{context.trace_id:032x}"} if context is not None and context.trace_flags.sampled else None


def parsed(header: str | None) -> SpanContext | None:
    """The context in a `traceparent`; None for anything that is not one."""
    found = _HEADER.fullmatch(header) if header else None
    if found is None or found[1] == "ff":
        return None
    flags = _SAMPLED if int(found[4], 16) & 1 else _UNSAMPLED
    context = SpanContext(int(found[2], 16), int(found[3], 16), is_remote=True, trace_flags=flags)
    return context if context.is_valid else None


def written(context: SpanContext) -> str:
    """A context as the header that continues it."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def _id(context: SpanContext) -> str:
    return f"{context.trace_id:032x}"


# -- what the code around a span needs


def recorder_of(service: str) -> Recorder | None:
    """Who records the spans of a service; None while nobody does."""
    return _recorders.get(service)


def current() -> Span | None:
    """The span that is being worked on."""
    return _current.get()


# -- doors and deliveries


def serving(service: str, name: str, header: str | None, fresh: int, *, is_public: bool) -> Running:
    """A request, as long as the block runs.

    Shape: `fresh` is a random number of 128 bits, the trace's id where the caller sent none and nothing is recorded.
    What a stranger wants recorded is recorded within an allowance; our own services are believed.
    """
    parent = parsed(header)
    if parent is not None and is_public and parent.trace_flags.sampled and not _strangers.take():
        parent = SpanContext(parent.trace_id, parent.span_id, is_remote=True, trace_flags=_UNSAMPLED)
    return Running(_started(service, name, SpanKind.SERVER, parent, fresh))


def delivering(service: str, channel: str, cause: str | None, fresh: int) -> Running:
    """A notification on its way to one receiver: a child of the score that caused it."""
    span = _started(service, f"deliver {channel}", SpanKind.CLIENT, parsed(cause), fresh)
    span.set_attribute(Attribute.CHANNEL, channel)
    return Running(span)


class Running:
    """The span is the current one while the block runs, and ends with it, as failed when the block raises.

    A class and not a generator: every request passes here, and this costs half as much.
    """

    __slots__ = ("_span", "_token")

    def __init__(self, span: Span) -> None:
        self._span = span

    def __enter__(self) -> Span:
        self._token = _current.set(self._span)
        return self._span

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is not None:
            failed(self._span, error)
        _current.reset(self._token)
        self._span.end()


def describe(said: Mapping[Attribute, str | int], *, is_failure: bool = False) -> None:
    """Says something of the current span, where it is recorded."""
    span = _current.get()
    if span is not None and span.is_recording():
        for attribute, value in said.items():
            span.set_attribute(attribute, value)
        if is_failure:
            span.set_status(Status(StatusCode.ERROR))


def failed(span: Span, error: BaseException) -> None:
    """Marks a span as failed, by the kind of the failure alone: its words may quote what somebody sent."""
    span.set_attribute(Attribute.ERROR, type(error).__name__)
    span.set_status(Status(StatusCode.ERROR))


def _started(service: str, name: str, kind: SpanKind, parent: SpanContext | None, fresh: int) -> Span:
    recorder = _recorders.get(service)
    if recorder is None:
        return NonRecordingSpan(
            parent or SpanContext(fresh, fresh & _LOW or 1, is_remote=False, trace_flags=_UNSAMPLED)
        )
    return recorder.asked.start_span(name, set_span_in_context(NonRecordingSpan(parent or INVALID_SPAN_CONTEXT)), kind)
