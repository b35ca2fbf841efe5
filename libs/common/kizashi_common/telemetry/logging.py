"""One JSON line per fact: `event` is a constant, everything else a field that is on the list.

Never a payload, a user, a mail address or a secret: a field that is not on the list is dropped, what looks like a
secret or an address inside a text is cut out, and an error is logged by its kind and its frames, without the values in
its message. Libraries speak through the same door, by their templates alone. A warning or an error that repeats is
said the 1st, 10th, 100th … time, so that an outage does not become a second one of the logs.

Source: OPERATIONS.md 8; ARCHITECTURE.md 8.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final, NamedTuple, TextIO

import structlog

from kizashi_common.telemetry import metrics
from kizashi_common.telemetry.log_filters import Line, Repeats, declared, error_by_kind, harmless
from kizashi_common.telemetry.tracing import trace_id

SERVICES: Final = ("ingest", "health", "alerts", "gateway")
OWN: Final = "process"
_TEMPLATES: Final = frozenset(
    (
        "Task exception was never retrieved",
        "Future exception was never retrieved",
        "Task was destroyed but it is pending!",
    )
)
"""First lines of the interpreter's own that carry no values."""
_NOISY: Final = ("aiokafka", "asyncio", "uvicorn", "httpx2")
_SILENT: Final = ("opentelemetry", "urllib3")
"""What they have to say about a collector that is away is said once, by `export.Once`."""


class Within(NamedTuple):
    """The request that is being worked on: whatever is logged inside it names it."""

    service: str
    request_id: str


within: Final[ContextVar[Within | None]] = ContextVar("kizashi_within", default=None)
"""Set by the HTTP doors."""


def get_logger(service: str | None = None) -> structlog.typing.FilteringBoundLogger:
    """The logger of a service, or of whoever's request it is; bind partition and the like once with `.bind`."""
    # As initial values and not by `.bind`: loggers of modules exist before the process is configured.
    named = {} if service is None else {"service": service}
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(**named)
    return logger


def configure(
    *,
    text: bool,
    stream: TextIO | None = None,
    version: str = "",
    instance: str = "local",
    service: str = OWN,
    level: int = logging.INFO,
) -> None:
    """Sets up the process's logs once: JSON lines, or text for eyes. `service` speaks where nobody is named.

    A line is written at once by whoever says it. So it is in order and never lost; and a reader of our output that
    stops reading stops us too, once the pipe (64 KiB) is full.
    """
    renderer: Any = structlog.dev.ConsoleRenderer(colors=False) if text else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            error_by_kind,
            _placed(version, instance, service),
            declared,
            harmless,
            Repeats(time.monotonic),
            _counted,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_Foreign()], force=True)
    logging.captureWarnings(capture=True)
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.ERROR)
    for silent in _SILENT:
        logging.getLogger(silent).setLevel(logging.CRITICAL)


class _Foreign(logging.Handler):
    """What libraries say, as lines of ours: which of their texts, and where; never its values."""

    def emit(self, record: logging.LogRecord) -> None:
        get_logger().log(
            min(record.levelno // 10, 5) * 10,
            "third_party_log",
            logger=record.name,
            template=_template(record),
            place=f"{record.filename}:{record.lineno}",
            error=record.exc_info[1] if record.exc_info else None,
        )


def _template(record: logging.LogRecord) -> str:
    """The text before its values are put in; a text without values may have been put together before."""
    if not isinstance(record.msg, str):
        return "dropped"
    first = record.msg.partition("\n")[0]
    return first if record.args or first in _TEMPLATES else "dropped"


def _placed(version: str, instance: str, service: str) -> Callable[[Any, str, Line], Line]:
    def add(_: Any, __: str, line: Line) -> Line:
        inside = within.get()
        line.setdefault("service", inside.service if inside else service)
        line["version"], line["instance"] = version, instance
        if inside is not None:
            line.setdefault("request_id", inside.request_id)
        if line.get("trace_id") is None:
            line["trace_id"] = trace_id()
        return line

    return add


def _counted(_: Any, __: str, line: Line) -> Line:
    if line["service"] in SERVICES:
        metrics.log_records_total.labels(line["service"], line["level"]).inc()
    return line
