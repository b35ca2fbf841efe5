"""A service is a value: its name, its routes, its workers. One process may run one of them or all four.

Source: ARCHITECTURE.md 1.5 and decision 9 of the design.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from starlette.types import ASGIApp

from kizashi_common.bus.bus import Consumer, Producer
from kizashi_common.db.database import Database


class Worker(NamedTuple):
    """Runs until cancelled; one that dies takes the process down, and a supervisor starts it again."""

    name: str
    run: Callable[[], Awaitable[None]]


class Drain(NamedTuple):
    """A step of an orderly stop: returns when nothing of its part is in flight any more."""

    name: str
    run: Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Routes:
    """The doors of a service, as ASGI applications: `public` for the world, `internal` for the other services."""

    public: ASGIApp | None = None
    internal: ASGIApp | None = None


@dataclass(frozen=True)
class Service:
    """What `compose` of a service returns.

    Three questions, each answered by None or by what is wrong: `ready`, whether all is there that it needs for its
    work, asked until it has started; `serves`, whether it can take requests now; `alive`, whether its loop turns. A
    dependency that is away must never make `alive` fail: to restart would cure nothing.
    Source: OPERATIONS.md 4, "Probes".
    """

    name: str
    routes: Routes
    workers: tuple[Worker, ...] = ()
    drains: tuple[Drain, ...] = ()
    ready: Callable[[], str | None] = field(default=lambda: None)
    serves: Callable[[], str | None] = field(default=lambda: None)
    alive: Callable[[], str | None] = field(default=lambda: None)


Clock = Callable[[], datetime]
Chance = Callable[[int], bytes]
NewUuid = Callable[[], UUID]


class ConsumerFactory(Protocol):
    """Makes a consumer of one topic as a member of a group."""

    def __call__(self, topic: str, group: str) -> Consumer:
        """A consumer that has not started."""
        ...


@dataclass(frozen=True)
class Resources:
    """What every service is composed of. Tests hand in twins of bus, clock and chance; the database is always real."""

    producer: Producer
    consumer: ConsumerFactory
    database: Database
    clock: Clock
    chance: Chance
    new_uuid: NewUuid
    environment: Mapping[str, str]
    """The settings as text, `KIZASHI_…` names; each service's `settings.py` reads and checks its own."""
