"""Spans on their way out: the only file that knows OpenTelemetry's SDK, imported only where a collector is named.

The variables are OpenTelemetry's own, and its SDK reads them: OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT) turns
tracing on, OTEL_TRACES_SAMPLER and …_ARG say how much of it is recorded, OTEL_EXPORTER_OTLP_HEADERS, OTEL_BSP_… and
OTEL_RESOURCE_ATTRIBUTES do what they do elsewhere. Sending happens in a thread of its own, from a bounded queue that
drops what does not fit: a collector that is away costs spans and nothing else.

Source: OPERATIONS.md 8; decision 0043.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Thread
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import Tracer

from kizashi_common.errors import Invalid
from kizashi_common.telemetry.logging import get_logger
from kizashi_common.telemetry.tracing import Recorder, use

SAMPLER: Final = "OTEL_TRACES_SAMPLER"
RATIO: Final = "OTEL_TRACES_SAMPLER_ARG"
_DEFAULT_RATIO: Final = "0.01"
_SCOPE: Final = "kizashi"
_LAST_S: Final = 3.0


class Once(SpanExporter):
    """Says once that the collector does not take spans, and once that it does again."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._is_away = False
        self._log = get_logger()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """What the exporter answers."""
        result = self._exporter.export(spans)
        failed = result is not SpanExportResult.SUCCESS
        if failed and not self._is_away:
            self._log.warning("traces_not_exported", count=len(spans))
        if self._is_away and not failed:
            self._log.info("traces_exported_again")
        self._is_away = failed
        return result

    def shutdown(self) -> None:
        """Closes the exporter."""
        self._exporter.shutdown()


def sampler(environment: Mapping[str, str]) -> Sampler:
    """Parent-based, one trace in a hundred, unless OpenTelemetry's variables say otherwise.

    Raises: Invalid when the share is not one.
    """
    if environment.get(SAMPLER, "parentbased_traceidratio") == "parentbased_traceidratio":
        try:
            return ParentBased(TraceIdRatioBased(float(environment.get(RATIO, _DEFAULT_RATIO))))
        except ValueError as error:
            raise Invalid(f"{RATIO} is a number from 0 to 1.", code="settings") from error
    return TracerProvider(shutdown_on_exit=False).sampler


def record(
    services: Iterable[str], build: tuple[str, str], environment: Mapping[str, str], processor: SpanProcessor
) -> Callable[[], None]:
    """Has spans of these services recorded and given to the processor, until what is returned is called.

    Shape: `build` is version and instance.
    """
    chosen = sampler(environment)

    def recorder(service: str) -> Recorder:
        said = {"service.name": f"kizashi-{service}", "service.version": build[0], "service.instance.id": build[1]}
        resource = Resource.create(said)
        return Recorder(_tracer(chosen, resource, processor), _tracer(ALWAYS_ON, resource, processor))

    use({service: recorder(service) for service in services})

    def end() -> None:
        use({})
        # The SDK waits for half a minute for a collector that is away, and nobody stops that slowly for its spans.
        last = Thread(target=processor.shutdown, daemon=True)
        last.start()
        last.join(_LAST_S)

    return end


def _tracer(sampler: Sampler, resource: Resource, processor: SpanProcessor) -> Tracer:
    provider = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    return provider.get_tracer(_SCOPE)


def export(services: Iterable[str], build: tuple[str, str], environment: Mapping[str, str]) -> Callable[[], None]:
    """The same, to the collector that the environment names."""
    return record(services, build, environment, BatchSpanProcessor(Once(OTLPSpanExporter())))
