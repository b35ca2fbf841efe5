"""What talking to PostgreSQL costs, without a statement having to know that it is measured.

A statement is named by whether it writes and by its table: few names, found in no list that somebody must keep. Both
ways in are heard: SQLAlchemy's cursors by its events, the driver's own statements by its query logger; the former
never reach the latter, except for many rows at once.

Source: OPERATIONS.md 5, `db_…`.
"""

from __future__ import annotations

import asyncio
import re
from time import perf_counter
from typing import Any, Final

import asyncpg
from prometheus_client import Histogram
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from kizashi_common.db.trouble import AWAY
from kizashi_common.telemetry import metrics

MOST_NAMES: Final = 40
"""Of statements of one service; what comes beyond is `other`."""
_MOST_TEXTS: Final = 1_000

_COMMENT: Final = re.compile(r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*", re.DOTALL)
_TABLE: Final = r"\s+(?:ONLY\s+|LATERAL\s+)?(?:\w+\.)?\"?(\w+)"
_WRITES: Final = re.compile(rf"(?:INSERT\s+INTO|(?<!FOR )\bUPDATE|DELETE\s+FROM){_TABLE}", re.IGNORECASE)
_READS: Final = re.compile(rf"\b(?:FROM|JOIN){_TABLE}(?![\w.]|\s*\()", re.IGNORECASE)
"""A function that rows come from has a bracket behind it, and is no table."""
_CONTROL: Final = {"begin": "begin", "commit": "commit", "rollback": "rollback", "start": "begin"}
_SHUT: Final = (asyncpg.OperatorInterventionError, asyncpg.InsufficientResourcesError)


def name_of(statement: str) -> str:
    """What a statement is called: `read_…` or `write_…` with its table, a step of a transaction, or `other`."""
    text = statement[_COMMENT.match(statement).end() :]  # type: ignore[union-attr]
    verb = re.match(r"\w*", text)[0].lower()  # type: ignore[index]
    if verb in _CONTROL:
        return _CONTROL[verb]
    if verb not in ("select", "insert", "update", "delete", "with", "merge"):
        return "other"
    # Only a WITH may write further in; a SELECT that locks says UPDATE too.
    found = _WRITES.search(text) if verb != "select" else None
    if found is not None:
        return f"write_{found[1].lower()}"
    found = _READS.search(text)
    return "other" if found is None else f"read_{found[1].lower()}"


def reason_of(error: BaseException | None) -> str:
    """The closed reason behind an error, whichever layer wrapped it."""
    while error is not None:
        for kinds, reason in _REASONS:
            if isinstance(error, kinds):
                return reason
        error = getattr(error, "orig", None) or error.__cause__
    return "other"


_REASONS: Final[tuple[tuple[tuple[type[BaseException], ...], str], ...]] = (
    ((asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError, TimeoutError), "timeout"),
    ((asyncpg.DeadlockDetectedError,), "deadlock"),
    ((asyncpg.IntegrityConstraintViolationError,), "constraint"),
    ((*AWAY, *_SHUT), "connect"),
)


class Meter:
    """Measures one service's way into PostgreSQL."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._by_text: dict[str, Histogram] = {}
        self._names: set[str] = set()

    # -- statements

    def hear_driver(self, connection: Any) -> None:
        """Measures what is asked of a driver's connection directly."""
        connection.add_query_logger(self._heard)

    def hear_engine(self, engine: AsyncEngine) -> None:
        """Measures what is asked through SQLAlchemy, and whatever reaches for the driver below it."""
        core = engine.sync_engine

        def connected(connection: Any, _: Any) -> None:
            self.hear_driver(connection.driver_connection)

        def before(*_: Any) -> None:
            context = _[4]
            context.kizashi_began = perf_counter()

        def after(*_: Any) -> None:
            statement, context, many = _[2], _[4], _[5]
            if not many:
                self.statement(statement, perf_counter() - context.kizashi_began)

        def failed(context: Any) -> None:
            # With a statement only: to connect is counted where it is tried.
            if context.statement is not None:
                self.failed(context.original_exception)

        event.listen(core, "connect", connected)
        event.listen(core, "before_cursor_execute", before)
        event.listen(core, "after_cursor_execute", after)
        event.listen(core, "handle_error", failed)

    def _heard(self, record: Any) -> None:
        if record.exception is None:
            self.statement(record.query, record.elapsed)
        else:
            self.failed(record.exception)

    def statement(self, text: str, seconds: float) -> None:
        """One statement was answered."""
        known = self._by_text.get(text)
        if known is None:
            known = self._named(text)
        known.observe(seconds)

    def _named(self, text: str) -> Histogram:
        name = name_of(text)
        if name not in self._names and len(self._names) >= MOST_NAMES - 1:
            name = "other"
        self._names.add(name)
        if len(self._by_text) >= _MOST_TEXTS:
            # Lists inside statements make endless variants of them.
            self._by_text.clear()
        series = self._by_text[text] = metrics.db_query_seconds.labels(self._service, name)
        return series

    # -- failures

    def failed(self, error: BaseException) -> None:
        """A statement failed. One that was given up because its task ended is nobody's failure."""
        if not isinstance(error, asyncio.CancelledError):
            metrics.db_errors_total.labels(self._service, reason_of(error)).inc()

    def unreachable(self) -> None:
        """No connection could be made."""
        metrics.db_errors_total.labels(self._service, "connect").inc()

    # -- pools

    def pool(self, name: str) -> PoolMeter:
        """What one pool of this service has."""
        return PoolMeter(self._service, name)


class PoolMeter:
    """The connections of one pool, and the wait for them."""

    def __init__(self, service: str, pool: str) -> None:
        self._idle = metrics.db_pool_connections.labels(service, pool, "idle")
        self._used = metrics.db_pool_connections.labels(service, pool, "used")
        self._seconds = metrics.db_pool_acquire_seconds.labels(service, pool)

    def has(self, *, idle: int, used: int) -> None:
        """How many connections there are now."""
        self._idle.set(idle)
        self._used.set(used)

    def waited(self, seconds: float) -> None:
        """Somebody got a connection after so long."""
        self._seconds.observe(seconds)
