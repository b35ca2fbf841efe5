"""One JSON line per fact: `event` is a constant, everything else a field.

Never a payload, a user id, a mail address or a secret: field names that could hold one are dropped, whatever their
value, and an error is logged by its kind and its frames, without the values in its message.

Source: OPERATIONS.md 8; ARCHITECTURE.md 8.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import structlog

_FORBIDDEN: Final = frozenset(
    (
        "payload",
        "body",
        "value",
        "user",
        "user_id",
        "email",
        "key",
        "token",
        "secret",
        "password",
        "url",
        "authorization",
    )
)
_FRAMES: Final = 12


def get_logger(service: str) -> structlog.typing.FilteringBoundLogger:
    """The logger of a service; bind workspace, partition and the like once with `.bind`."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(service=service)
    return logger


def configure(*, text: bool, stream: TextIO | None = None, version: str = "", level: int = logging.INFO) -> None:
    """Sets up the process's logs once: JSON lines, or text for eyes."""
    renderer: Any = structlog.dev.ConsoleRenderer(colors=False) if text else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            _without_secrets,
            _error_by_kind,
            _versioned(version),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=stream or sys.stderr, format="%(message)s", force=True)
    for noisy in ("aiokafka", "asyncio", "uvicorn", "httpx2"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


def _without_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in _FORBIDDEN & event.keys():
        event[name] = "dropped"
    return event


def _error_by_kind(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    error = event.get("error")
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
        event["frames"] = [f"{frame.filename.rsplit('/', 2)[-1]}:{frame.lineno}:{frame.name}" for frame in frames]
        if error.__cause__ is not None:
            event["cause"] = type(error.__cause__).__name__
    return event


def _versioned(version: str) -> Any:
    def add(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.setdefault("version", version)
        return event

    return add
