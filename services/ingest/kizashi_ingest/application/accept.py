"""A request → its items judged, its records durable, its answer in the words of its SDK.

A success answer means durable: Kafka has acknowledged. The order of the steps is the order of what they cost: the key
before the body, the size before the bytes, the whole before the items.

Source: INGEST.md 1, 3.1, 7, 8 and 14.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from kizashi_common.contracts.events import IngestNote
from kizashi_common.contracts.topics import EVENTS
from kizashi_common.errors import Denied, Invalid
from kizashi_common.telemetry.failpoints import failpoint
from kizashi_common.telemetry.trace_records import carried, sending
from kizashi_ingest.adapters.journal import Journal
from kizashi_ingest.application.in_flight import InFlight, Share
from kizashi_ingest.application.sources import Keyring
from kizashi_ingest.application.tally import Tally
from kizashi_ingest.domain.answers import Reply
from kizashi_ingest.domain.body import Body, opened
from kizashi_ingest.domain.dialect import Asked, Batch, Result, Route
from kizashi_ingest.domain.frame import Frame
from kizashi_ingest.domain.intake import Destined, Intake, Outcome
from kizashi_ingest.domain.limits import Limits
from kizashi_ingest.domain.notes import Notes
from kizashi_ingest.domain.source_key import SourceKey, key_in_body, key_in_head
from kizashi_ingest.domain.timing import Age, Sending
from kizashi_ingest.metrics import SERVICE

_CHUNK: Final = 250
_RETRIES: Final = ("x-retry-count", "rsa-retry-attempt")
_MOST_ATTEMPTS: Final = 1_000

ReadBody = Callable[[Callable[[int], None]], Awaitable[bytes]]
"""Reads the wire body, telling the size of each piece before it keeps it. Raises: Invalid body_too_large."""


class Arrival(NamedTuple):
    """A request before its body is read. Shape: header names in lower case, first value of each."""

    route: Route
    headers: Mapping[str, str]
    query: Mapping[str, str]
    request_id: str
    read: ReadBody


@dataclass(frozen=True, slots=True)
class Node:
    """What accepting needs to know of this process."""

    name: str
    limits: Limits


class Accept:
    """Takes requests of every dialect."""

    def __init__(
        self,
        keyring: Keyring,
        journal: Journal,
        in_flight: InFlight,
        node: Node,
        clock: Callable[[], datetime],
    ) -> None:
        self._keyring = keyring
        self._journal = journal
        self._in_flight = in_flight
        self._node = node
        self._clock = clock

    async def __call__(self, arrival: Arrival) -> Reply:
        """The answer, once everything accepted is durable.

        Raises: Invalid, Denied or Busy when the request as a whole is not taken.
        """
        with self._in_flight.request() as share:
            opened_request = await self._opened(arrival, share)
            # Received is when all of it is here: a body that drips in must not hold back what heartbeats promise.
            received_at = self._in_flight.receive(self._clock())
            with sending(SERVICE, EVENTS.name) as span:
                try:
                    taken = await self._judged(opened_request, received_at, carried(span))
                except BaseException:
                    self._in_flight.settle(received_at)
                    raise
                await self._journal.write(taken.records, lambda: self._in_flight.settle(received_at))
        failpoint("accept.acked")
        taken.tally.publish()
        return arrival.route.reply(taken.result)

    async def _opened(self, arrival: Arrival, share: Share) -> _Opened:
        """The request with its body taken apart and its key known."""
        key = await self._key_in_head(arrival)
        wire = await arrival.read(lambda size: share.grow(size, is_known=key is not None))
        limits = self._node.limits
        body = opened(wire, arrival.headers.get("content-encoding"), limits.inflated_bytes)
        share.grow(max(0, len(body.raw) - len(wire)), is_known=key is not None)
        batch = arrival.route.read(body)
        if key is None:
            key = await self._key_in_body(arrival, batch)
        if len(batch.items) > limits.events:
            raise Invalid(f"A request has at most {limits.events} events.", code="batch_too_large")
        return _Opened(arrival, key, batch, _request_notes(arrival, body, batch), (len(wire), len(body.raw)))

    async def _judged(self, request: _Opened, received_at: datetime, trace: str | None) -> _Taken:
        arrival, batch = request.arrival, request.batch
        frame = self._frame(request, received_at)
        asked = Asked(arrival.route.path, batch.members, arrival.headers)
        intake = Intake(arrival.route, asked, frame, request.notes, trace)
        outcomes = await _each(intake, batch)
        tally = Tally(frame.note.dialect, *request.sizes, is_lenient=batch.is_lenient)
        for outcome in outcomes:
            tally.add(outcome)
        return _gathered(request, outcomes, tally)

    async def _key_in_head(self, arrival: Arrival) -> SourceKey | None:
        text = key_in_head(arrival.headers, arrival.query)
        return None if text is None else self._fitting(await self._keyring.judged(text), arrival)

    async def _key_in_body(self, arrival: Arrival, batch: Batch) -> SourceKey:
        text = key_in_body(batch.members)
        if text is None:
            raise Denied("The request has no key.", code="missing_key")
        return self._fitting(await self._keyring.judged(text), arrival)

    def _fitting(self, key: SourceKey, arrival: Arrival) -> SourceKey:
        """The key, if it may come this way and from there."""
        if not key.admits_origin(arrival.headers.get("origin")):
            raise Denied("The source does not take this origin.", code="origin_not_allowed")
        if arrival.route.needs_server_key and key.kind != "server":
            raise Denied("This needs a server's key.", code="invalid_key")
        return key

    def _frame(self, request: _Opened, received_at: datetime) -> Frame:
        arrival, key = request.arrival, request.key
        attempt = _attempt(arrival.headers)
        # Both SDKs share the paths of one; the label follows what the source was declared to be.
        is_rudderstack = arrival.route.dialect == "segment" and key.source_kind == "rudderstack"
        dialect = "rudderstack" if is_rudderstack else arrival.route.dialect
        return Frame(
            key,
            IngestNote(arrival.request_id, self._node.name, dialect, attempt),
            Sending(received_at, is_fresh=attempt == 1),
            Age(self._node.limits, key.may_import),
            f"/workspaces/{key.workspace}/sources/{key.source}",
            arrival.headers.get("user-agent"),
            request.batch.claims_history,
        )


class _Opened(NamedTuple):
    arrival: Arrival
    key: SourceKey
    batch: Batch
    notes: Notes
    sizes: tuple[int, int]


class _Taken(NamedTuple):
    records: list[Destined]
    result: Result
    tally: Tally


def _request_notes(arrival: Arrival, body: Body, batch: Batch) -> Notes:
    notes = Notes()
    if body.mislabelled:
        notes.add("encoding_mismatch")
    first, second = key_in_head(arrival.headers, arrival.query), key_in_body(batch.members)
    if first is not None and second is not None and first != second:
        notes.add("key_conflict")
    return notes


def _attempt(headers: Mapping[str, str]) -> int:
    """Which try this is, from one; SDKs count their repetitions from zero."""
    for name in _RETRIES:
        text = headers.get(name, "")
        if text.isascii() and text.isdigit():
            return 1 + min(int(text[:9]), _MOST_ATTEMPTS)
    return 1


async def _each(intake: Intake, batch: Batch) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for start in range(0, len(batch.items), _CHUNK):
        if start:
            # A batch of thousands must not hold up the small ones beside it.
            await asyncio.sleep(0)
        outcomes += [intake.take(start + i, item) for i, item in enumerate(batch.items[start : start + _CHUNK])]
    return outcomes


def _gathered(request: _Opened, outcomes: list[Outcome], tally: Tally) -> _Taken:
    arrival = request.arrival
    prefers = arrival.headers.get("prefer", "").replace(" ", "").lower()
    is_strict = arrival.route.dialect == "native" and "handling=strict" in prefers
    result = Result(
        arrival.request_id,
        [outcome.verdict for outcome in outcomes],
        tally.accepted,
        tally.quarantined,
        request.batch.is_single,
        is_strict,
    )
    records = [outcome.destined for outcome in outcomes if outcome.destined is not None]
    return _Taken([] if is_strict and tally.quarantined else records, result, tally)
