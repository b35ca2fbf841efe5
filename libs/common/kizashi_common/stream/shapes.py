"""What a service supplies so that its records are applied exactly once: an Engine and a Store.

The engine is memory and decisions, the store is rows and SQL, the runner (`runner.py`) drives both: one partition,
one writer, each step committed together with its offset and its outgoing messages. An engine moves for three reasons
only, one type each, so a person's wish and a passing midnight take the same road as an event.

Source: HEALTH.md 1 and 2; ARCHITECTURE.md decision 15.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from kizashi_common.contracts.envelope import Outgoing, Record


class Wake(NamedTuple):
    """A row that asks the single writer to look again: a person's fact, a document, a day that began.

    `subject` is empty when it concerns every subject of the workspace.
    """

    id: int
    workspace: str
    subject: str
    why: str


@dataclass(frozen=True, slots=True)
class Records:
    """The log moved: records with consecutive offsets from the engine's position on."""

    records: Sequence[Record]


@dataclass(frozen=True, slots=True)
class Wakes:
    """Somebody asked."""

    wakes: Sequence[Wake]


@dataclass(frozen=True, slots=True)
class Through:
    """The input of this partition is proved complete up to `instant`."""

    instant: datetime


class DeadLetter(NamedTuple):
    """A record that can never be applied: `code` is one of decode, schema, wrong_partition, future, limit, refused."""

    record: Record
    code: str
    error: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """The log moved by one record that must not be worked on: it is a dead letter."""

    letter: DeadLetter


Step = Records | Wakes | Through | SetAside


class Counts(NamedTuple):
    """What became of the records of one flush; together they are as many as the offsets it spans (invariant I1)."""

    applied: int = 0
    duplicates: int = 0
    dead_lettered: int = 0
    parked: int = 0
    control: int = 0

    @property
    def total(self) -> int:
        """How many records that is."""
        return sum(self)


@dataclass(slots=True)
class FlushBase:
    """The part of a flush that the ledger itself writes. A service's flush extends it with its own rows."""

    counts: Counts = field(default_factory=Counts)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    parked: list[DeadLetter] = field(default_factory=list)
    messages: list[Outgoing] = field(default_factory=list)
    """Sent by the slot's owner after the commit, in this order (`slot_outbox.py`)."""
    wakes_done: list[int] = field(default_factory=list)


class Phases(NamedTuple):
    """What one flush took, in seconds: building it in memory, writing its rows, committing them."""

    build: float
    write: float
    commit: float


class Claim(NamedTuple):
    """The right to write one slot, and where its truth stands. `slot` = build * 1000 + partition."""

    slot: int
    partition: int
    partitions: int
    topic: str
    epoch: int
    incarnation: int
    flush_seq: int
    first_offset: int
    next_offset: int
    complete_through: datetime | None
    outbox_next: int
    published_through: int
    anchor_offset: int | None
    anchor_hash: bytes | None
    cluster_id: str | None
    fresh: bool
    """This incarnation has applied nothing yet."""
    may_reset: bool = False
    """A person gave this incarnation's log up: another one may take its place."""
    may_skip: bool = False
    """A person accepted that records are gone that were never read."""


F = TypeVar("F", bound=FlushBase)
K = TypeVar("K")
R = TypeVar("R")
F_co = TypeVar("F_co", bound=FlushBase, covariant=True)
F_contra = TypeVar("F_contra", bound=FlushBase, contravariant=True)
K_co = TypeVar("K_co", covariant=True)
R_contra = TypeVar("R_contra", contravariant=True)


class Engine(Protocol[K_co, R_contra, F_co]):
    """The state of one partition in memory: pure, deterministic, no clock. Same steps and rows, same flushes."""

    position: int
    """The next offset to apply."""

    @property
    def heard_through(self) -> datetime | None:
        """What the latest heartbeat applied says; None for a topic without heartbeats."""
        ...

    @property
    def waiting_rows(self) -> int:
        """About how many rows the next flush would write; bounds memory."""
        ...

    def needs(self, step: Step) -> K_co | None:
        """The rows that the step reads and memory lacks; None when nothing is missing."""
        ...

    def apply(self, step: Step, rows: R_contra | None) -> None:
        """Takes the step. Never raises for what a record holds: that becomes a dead letter."""
        ...

    def catch_up(self, most: int) -> int:
        """Recomputes at most so many subjects that wait for it; returns how many still wait."""
        ...

    def drain(self, at: datetime) -> F_co:
        """All that changed since the last drain. `at` is for rows that tell when they were written, never for
        decisions."""
        ...


class Committed(Protocol[F_contra]):
    """Hears of a flush once it is committed, so that what is counted has happened. Never raises, never waits."""

    def __call__(self, claim: Claim, flush: F_contra, phases: Phases) -> None:
        """The slot stands as `claim` says now."""
        ...


def unheard(claim: Claim, flush: FlushBase, phases: Phases) -> None:
    """For a service that counts nothing of its flushes."""


class Store(Protocol[K, R, F]):
    """The rows behind an engine. It takes part in the ledger's transaction and never opens one for writing itself."""

    async def open(self, claim: Claim) -> Engine[K, R, F]:
        """The engine as of the claim's offset, loaded from committed rows only."""
        ...

    async def wakes(self, claim: Claim) -> Sequence[Wake]:
        """The wake rows of this slot that are not yet taken."""
        ...

    async def read(self, claim: Claim, keys: K) -> R:
        """The rows that the engine lacks."""
        ...

    async def write(self, connection: Any, claim: Claim, flush: F) -> None:
        """Writes the flush and deletes the wakes it took, inside the ledger's transaction on asyncpg's connection."""
        ...

    async def log_replaced(self, connection: Any, claim: Claim) -> None:
        """A new incarnation began: what rested in the old log alone must be told again."""
        ...
