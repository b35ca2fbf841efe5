"""Alerts on a real database, driven step by step: the ledger, the store and the relay, without a loop around them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any
from uuid import UUID

from kizashi_alerts.adapters import starter
from kizashi_alerts.adapters.alerts import Alerts
from kizashi_alerts.adapters.channels.webhook.send import Webhook
from kizashi_alerts.adapters.deliveries import Deliveries, Delivery
from kizashi_alerts.adapters.endpoints import Endpoints
from kizashi_alerts.adapters.outbound import Outbound
from kizashi_alerts.adapters.partition import OUTBOX, SLOTS, Partition
from kizashi_alerts.adapters.vault import Vault
from kizashi_alerts.application.act import Act, Wish
from kizashi_alerts.application.count import Count
from kizashi_alerts.application.deliver import Deliver
from kizashi_alerts.application.dispatch import Dispatch, stamped
from kizashi_alerts.application.endpoints import ManageEndpoints
from kizashi_alerts.metrics import Failing
from kizashi_common.contracts.alerts import AlertEvent, decode
from kizashi_common.contracts.ids import uuid7
from kizashi_common.contracts.scores import Score
from kizashi_common.contracts.topics import ALERTS, SCORES
from kizashi_common.stream.ledger import Advance, Ledger
from kizashi_common.stream.shapes import Phases, Records, Step, Wakes
from kizashi_common.stream.shared_outbox import Relay, SharedOutbox
from tests.alerts.world import a_record
from tests.conftest import Databases
from tests.twins.bus import MemoryBus
from tests.twins.clock import SetClock

MASTER_KEY = bytes(range(32))
SILENT: Mapping[str, Any] = {"usage.missed_days": 6.0, "usage.silent_days": 9.0, "account.lifecycle": "live"}
BACK: Mapping[str, Any] = {"usage.missed_days": 0.0, "usage.silent_days": 0.0, "account.lifecycle": "live"}


@dataclass
class Stage:
    """One partition's owner, the people and the relay, over one test's database."""

    databases: Databases
    clock: SetClock
    egress: str = "127.0.0.0/8"
    claim: Any = None
    engine: Any = None
    connection: Any = None
    seqs: dict[tuple[str, str], int] = field(default_factory=dict)
    appended_at: datetime | None = None
    """When snapshots are appended to their log; None is the moment they are told."""

    def __post_init__(self) -> None:
        self.database = self.databases.alerts
        self.bus = MemoryBus({SCORES.name: 1, ALERTS.name: 4}, self.clock)
        self.ledger = Ledger(self.database, SLOTS, "test", self.clock)
        book, outbox = starter.rulebook(), SharedOutbox(OUTBOX)
        self.alerts = Alerts(book, starter.playbooks(book), self.new_uuid, outbox, "https://console.example")
        self.store = Partition(self.database, self.alerts)
        self.count = Count(Failing(self.clock))
        self.act = Act(self.database, self.alerts, self.clock)
        self.endpoints = Endpoints(self.database, Vault([MASTER_KEY], os.urandom), self.new_uuid)
        self.deliveries = Deliveries(self.database, self.new_uuid)
        self.outbound = Outbound([ip_network(part) for part in self.egress.split(",") if part])
        self.manage = ManageEndpoints(
            self.endpoints, self.deliveries, self.outbound, self.clock, os.urandom, self.new_uuid
        )
        self.deliver = Deliver(
            self.deliveries,
            self.endpoints,
            Webhook(self.outbound, "1.0"),
            self.clock,
            lambda n: b"\x80" + bytes(n - 1),
            32,
        )
        self.relay = Relay(
            self.database, self.bus.producer(), ALERTS.name, outbox, stamped, Dispatch(self.deliveries, self.clock)
        )

    def new_uuid(self) -> UUID:
        """A fresh id in the order of the clock."""
        return uuid7(self.clock(), os.urandom(10))

    async def open(self) -> Stage:
        """Claims the partition, as a process does that starts."""
        self.claim = await self.ledger.claim(0, 1, SCORES.name)
        self.engine = await self.store.open(self.claim)
        return self

    async def lease(self, *, first: bool = True, most: int = 99, share: int = 99) -> list[Delivery]:
        """What a worker takes into its hands now, for 50 seconds."""
        now = self.clock()
        until = now + timedelta(seconds=50)
        return (await self.deliveries.lease(now, until, first=first, most=most, share=share)).deliveries

    async def tell(self, *scores: Score) -> None:
        """Snapshots into one flush."""
        at, position = self.appended_at or self.clock(), self.engine.position
        records = [a_record(score, position + i)._replace(at=at) for i, score in enumerate(scores)]
        await self.step(Records(records))

    async def wake(self) -> int:
        """Takes what waits for this partition's owner; how many that were."""
        wakes = await self.store.wakes(self.claim)
        if wakes:
            await self.step(Wakes(wakes))
        return len(wakes)

    async def step(self, step: Step) -> None:
        """One step, committed."""
        keys = self.engine.needs(step)
        self.engine.apply(step, await self.store.read(self.claim, keys) if keys is not None else None)
        await self.commit()

    async def commit(self) -> None:
        """What the engine has, in one transaction."""
        flush = self.engine.drain(self.clock())

        async def write(connection: Any) -> None:
            await self.store.write(connection, self.claim, flush)

        to = Advance(self.engine.position, None, None, None, 0)
        self.claim, _ = await self.ledger.commit(self.claim, to, flush, write)
        self.count(self.claim, flush, Phases(0.0, 0.0, 0.0))

    async def relayed(self) -> list[AlertEvent]:
        """Everything on the alerts' topic after the relay has done its work."""
        if self.connection is None:
            self.connection = await self.database.connect()
            await self.connection.execute("INSERT INTO alerts.event_relay (name) VALUES ($1)", ALERTS.name)
        while await self.relay.turn(self.connection):
            pass
        return sorted((decode(r.value) for r in self.bus.records(ALERTS.name)), key=lambda event: event.data.position)

    async def rows(self, sql: str, *arguments: Any) -> list[Any]:
        """Rows as the service's own role sees them."""
        connection = await self.database.connect()
        try:
            return list(await connection.fetch(sql, *arguments))
        finally:
            await connection.close()

    async def alert(self, rule: str = "risk.silence", workspace: str = "demo") -> Any:
        """The latest episode of a rule."""
        return (
            await self.rows(
                "SELECT * FROM alerts.alert WHERE rule_key = $1 AND workspace_id = $2 ORDER BY episode DESC",
                rule,
                workspace,
            )
        )[0]

    def wish(self, alert: Any, version: int | None = None, workspace: str = "demo") -> Wish:
        """A person's wish about an alert."""
        return Wish(workspace, "mem_aiko", alert["id"], version, "req_1")

    def later(self, **by: float) -> None:
        """Time goes on."""
        self.clock.advance(timedelta(**by))

    async def close(self) -> None:
        """Gives connections back."""
        await self.ledger.close()
        if self.connection is not None:
            await self.connection.close()
