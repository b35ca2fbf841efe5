"""What a log line must not hold, and what it need not say again: the filters between a call and its line.

Source: OPERATIONS.md 8.
"""

from __future__ import annotations

import re
import traceback
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from datetime import date
from typing import Any, Final

import structlog

from kizashi_common.telemetry.log_events import EVENTS, FIELDS

Line = MutableMapping[str, Any]

_FRAMES: Final = 12
_LONGEST: Final = 200
_DROPPED: Final = "dropped"
_REMOVED: Final = "[removed]"
_SENSITIVE: Final = re.compile(
    r"""
    \w+://\S+                                   # any address: it may hold a password, and a webhook's is a secret
    | \bkz[a-z]_[0-9A-Za-z_]+ | \bwhsec_\S+     # our keys, and what signs webhooks
    | \b(?:bearer|basic)\s+\S+                  # the value of an Authorization header
    | \beyJ[\w-]+\.[\w-]+\.[\w-]*               # a signed token
    | [^\s@"'<>]+@[^\s@"'<>]+                   # an address of a person
    | [0-9A-Za-z+/_-]{40,}={0,2}                # long and without a blank: a key, a session, a hash
    """,
    re.VERBOSE | re.IGNORECASE,
)
_OURS: Final = frozenset(("event", "level", "error", "cause", "frames"))
"""Names of code, never values: they may be long."""
_QUIET_AFTER: Final = 600.0
_MOST_KEYS: Final = 1_000
_LOUD: Final = frozenset(("warning", "error", "critical"))
_SAME: Final = ("service", "event", "level", "reason", "error", "topic", "partition", "worker", "logger", "place")


def declared(_: Any, __: str, line: Line) -> Line:
    """Only names of the list: another event is told as such, another field loses its value."""
    if line["event"] not in EVENTS:
        line["event"] = "undeclared_event"
    for name in line.keys() - FIELDS.keys():
        line[name] = _DROPPED
    for name in [name for name, value in line.items() if value is None]:
        del line[name]
    return line


def harmless(_: Any, __: str, line: Line) -> Line:
    """Values that can hold nothing: numbers, days, and texts without what looks like a secret or a person."""
    for name, value in line.items():
        if name not in _OURS:
            line[name] = _harmless(value)
    return line


def _harmless(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return _SENSITIVE.sub(_REMOVED, value[: 4 * _LONGEST])[:_LONGEST]
    if isinstance(value, date):
        return value.isoformat()
    return [_harmless(part) for part in value[:_FRAMES]] if isinstance(value, list) else _DROPPED


def error_by_kind(_: Any, __: str, line: Line) -> Line:
    """An exception becomes its kind and its place; its words may quote what somebody sent."""
    error = line.get("error")
    if isinstance(error, BaseException):
        line["error"] = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
        line["frames"] = [f"{frame.filename.rsplit('/', 2)[-1]}:{frame.lineno}:{frame.name}" for frame in frames]
        cause = error.__cause__ or error.__context__
        line["cause"] = type(cause).__name__ if cause is not None else None
    return line


class Repeats:
    """Lets the 1st, 10th, 100th … of a warning or error through, with its count.

    One that has not been seen for ten minutes begins anew: the next outage is news again. Memory is bounded: of more
    than a thousand different ones those seen longest ago are forgotten.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._seen: OrderedDict[tuple[Any, ...], tuple[int, float]] = OrderedDict()

    def __call__(self, _: Any, __: str, line: Line) -> Line:
        """Raises: DropEvent for a line that need not be said again."""
        if line["level"] not in _LOUD:
            return line
        now = self._monotonic()
        key = tuple(line.get(name) for name in _SAME)
        count, last = self._seen.pop(key, (0, now))
        count = 1 if now - last > _QUIET_AFTER else count + 1
        self._seen[key] = count, now
        if len(self._seen) > _MOST_KEYS:
            self._seen.popitem(last=False)
        if count > 1:
            if not _is_power_of_ten(count):
                raise structlog.DropEvent
            line["count"] = count
        return line


def _is_power_of_ten(count: int) -> bool:
    while count % 10 == 0:
        count //= 10
    return count == 1
