"""One installation that is killed and started again, a client that gives up nothing, and the truth of what it sent."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx2

from kizashi_health.adapters.packing import unpack_bitmap
from kizashi_local.instance import orphans, read_state
from kizashi_local.postgres import SUPERUSER
from tests.conftest import JARS
from tests.invariants import HEALTH, Watch, broken, flushes_are_a_chain, offsets_are_decided_once
from tests.ports import free_base

READY_WITHIN: Final = 90
ALERTS: Final = (offsets_are_decided_once, flushes_are_a_chain)
"""Alerts numbers its messages in one relay for all partitions, so the rule of the slot outbox is not its own."""

_AT_REST: Final = """
SELECT EXISTS (SELECT FROM health.workspace_day) AND NOT EXISTS (SELECT FROM health.wake)
   AND NOT EXISTS (SELECT FROM health.account WHERE stale_since IS NOT NULL)
   AND NOT EXISTS (SELECT FROM health.account_card WHERE stale)
"""

QUICK: Final = {"KIZASHI_SCORES_PUBLISH_EVERY_MS": "500"}


class Installation:
    """A data directory, and the `kizashi up` that runs over it now, if one does."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.log = data.parent / f"{data.name}.log"
        self.base = free_base()
        self.process: asyncio.subprocess.Process | None = None
        self.first: dict[str, Any] = {}
        self.ready: dict[str, Any] = {}
        self.starts = 0

    async def launch(self, *, failpoint: str = "") -> None:
        """Starts the process, and does not wait."""
        command = (sys.executable, "-m", "kizashi_cli.main", "up", "--json", "--data", str(self.data))
        options = ("--port-base", str(self.base), "--broker", "kafka")
        environment = {**os.environ, **QUICK, "KIZASHI_KAFKA_JARS_DIR": str(JARS), "KIZASHI_FAILPOINTS": failpoint}
        with self.log.open("ab") as errors:
            self.process = await asyncio.create_subprocess_exec(
                *command,
                *options,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=environment,
                start_new_session=True,
            )
        self.starts += 1

    async def opened(self) -> bool:
        """Waits for the ready line; false when the process ended before it."""
        assert self.process is not None
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), READY_WITHIN)
        if line:
            self.ready = json.loads(line)
            self.first = self.first or self.ready
        return bool(line)

    async def start(self) -> None:
        """Starts it and waits until it is ready. Raises: AssertionError with what it said when it ends instead."""
        await self.launch()
        assert await self.opened(), self.log.read_text(errors="replace")[-3000:]

    async def ended(self, within: float = 60) -> int:
        """Waits for the end of the process; returns its exit code."""
        assert self.process is not None
        return await asyncio.wait_for(self.process.wait(), within)

    async def stop(self) -> int:
        """An orderly stop."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def kill(self, how: str) -> None:
        """`process`: that one alone. `group`: all in its process group. `power`: broker and database with it."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            if how == "group":
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()
        if how == "power":
            self.kill_children()
        await self.process.wait()

    def kill_children(self) -> None:
        """Broker and database, as when the power fails."""
        for child in orphans(read_state(self.data)):
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)

    async def connect(self) -> Any:
        """The database, as its superuser. Raises: OSError and asyncpg's errors while it is away."""
        password = (self.data / "secrets" / "postgres").read_text(encoding="ascii")
        port = json.loads((self.data / "ports.json").read_text())["postgres"]
        return await asyncpg.connect(
            host="127.0.0.1", port=port, user=SUPERUSER, password=password, database="kizashi", timeout=5
        )


@asynccontextmanager
async def installed(folder: Path) -> AsyncIterator[Installation]:
    """An installation of which nothing runs any more when the block ends."""
    made = Installation(folder / "data")
    try:
        yield made
    finally:
        if made.process is not None and made.process.returncode is None:
            made.process.kill()
            await made.process.wait()
        made.kill_children()


class Event:
    """One event as it is sent, and the day it must be counted in."""

    def __init__(self, number: int, account: str, user: str, at: datetime) -> None:
        self.account, self.user, self.day = account, user, at.date()
        self.body = {
            "id": f"e-{number}",
            "account": account,
            "user": user,
            "action": "login" if number % 3 else "feature_used",
            "feature": None if number % 3 else f"feature-{number % 5}",
            "at": at.isoformat(),
        }
        if self.body["feature"] is None:
            del self.body["feature"]


class Truth:
    """Makes events of the last four weeks, and knows what must come of them however often each arrives."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
        self.events: list[Event] = []

    def batch(self, count: int) -> list[Event]:
        """So many sends, one in ten of them an event that was sent before."""
        made: list[Event] = []
        for _ in range(count):
            if self.events and self._chance.random() < 0.1:
                made.append(self._chance.choice(self.events))
            else:
                account, user = f"account-{self._chance.randrange(30)}", f"u-{self._chance.randrange(5)}"
                made.append(self._add(account, user, self._chance.randrange(1, 28)))
        return made

    def fallen_silent(self, account: str) -> list[Event]:
        """Daily use that ended two weeks ago: what opens an alert, however seldom others come."""
        return [self._add(account, user, day) for day in range(14, 29) for user in ("u-1", "u-2")]

    def _add(self, account: str, user: str, days_ago: int) -> Event:
        event = Event(len(self.events), account, user, self._noon - timedelta(days=days_ago))
        self.events.append(event)
        return event

    def expected(self) -> dict[tuple[str, date], tuple[int, int]]:
        """By account and day: events and distinct users."""
        events = Counter((event.account, event.day) for event in self.events)
        users = Counter({(event.account, event.day, event.user): 1 for event in self.events})
        distinct = Counter((account, day) for account, day, _ in users)
        return {key: (count, distinct[key]) for key, count in events.items()}


@dataclass
class Client:
    """Sends batch after batch, each again and again until it is answered 2xx, as an SDK with a queue would."""

    installation: Installation
    tries: int = 0
    sent: int = 0
    waiting: list[list[Event]] = field(default_factory=list)

    def give(self, events: list[Event], size: int = 50) -> None:
        """Queues events."""
        self.waiting += [events[i : i + size] for i in range(0, len(events), size)]

    async def run(self) -> None:
        """Sends what is queued until cancelled."""
        async with httpx2.AsyncClient(timeout=5) as client:
            while True:
                if not self.waiting or not self.installation.ready:
                    await asyncio.sleep(0.01)
                elif await self._sends(client, self.waiting[0]):
                    self.sent += len(self.waiting.pop(0))
                else:
                    await asyncio.sleep(0.1)

    async def _sends(self, client: httpx2.AsyncClient, batch: list[Event]) -> bool:
        self.tries += 1
        try:
            answer = await client.post(
                f"{self.installation.ready['ingest']}/v1/events",
                json={"events": [event.body for event in batch]},
                headers={"authorization": f"Bearer {self.installation.first['server_key']}"},
            )
        except (httpx2.HTTPError, OSError):
            return False
        if answer.is_success:
            assert answer.json()["quarantined"] == 0, answer.text[:500]
        return bool(answer.is_success)

    async def done(self, seconds: float = 60) -> None:
        """Returns once everything is accepted."""
        async with asyncio.timeout(seconds):
            while self.waiting:
                await asyncio.sleep(0.02)


@asynccontextmanager
async def sending(installation: Installation) -> AsyncIterator[Client]:
    """A client at work while the block runs."""
    client = Client(installation)
    task = asyncio.ensure_future(client.run())
    try:
        yield client
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def look(connection: Any) -> list[str]:
    """What is broken of health and of alerts, each in one snapshot."""
    return await broken(connection, HEALTH) + await broken(connection, ALERTS, "alerts")


@asynccontextmanager
async def watching(installation: Installation) -> AsyncIterator[Watch]:
    """Looks through every fault; while the database is away there is nothing to see. Raises: what was broken."""
    watch, connection = Watch(), None

    async def keep_looking() -> None:
        nonlocal connection
        while not watch.faults:
            try:
                if connection is None or connection.is_closed():
                    connection = await installation.connect()
                watch.faults += await look(connection)
                watch.looks += 1
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, ValueError):
                if connection is not None:
                    connection.terminate()
                connection = None
            await asyncio.sleep(0.1)

    task = asyncio.ensure_future(keep_looking())
    try:
        yield watch
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if connection is not None:
            connection.terminate()
    assert not watch.faults, watch.faults[:5]


async def counted(connection: Any) -> dict[tuple[str, date], tuple[int, int]]:
    """What the product holds, by account and day."""
    rows = await connection.fetch(
        "SELECT a.external_id, d.day, d.events, d.users FROM health.account_day d"
        " JOIN health.account a USING (slot, account_id)"
    )
    return {(row["external_id"], row["day"]): (row["events"], unpack_bitmap(row["users"]).bit_count()) for row in rows}


async def comes_true(installation: Installation, truth: Truth, seconds: float = 40) -> None:
    """Waits until as many events are applied as there are; then every count, mark and number must be exact."""
    connection = await installation.connect()
    try:
        applied = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while applied < len(truth.events):
                    applied = await connection.fetchval("SELECT sum(applied) FROM health.consumer_slot") or 0
                    await asyncio.sleep(0.1)
        assert await counted(connection) == truth.expected()
        assert await connection.fetchval("SELECT sum(applied) FROM health.consumer_slot") == len(truth.events)
        assert await connection.fetchval("SELECT count(*) FROM health.dead_letter") == 0
        await alerts_have_all(connection, seconds)
        assert await look(connection) == []
    finally:
        await connection.close()


async def scored_at_rest(installation: Installation, seconds: float = 40) -> None:
    """Waits until the workspace's day has begun and no account's score waits to be made or told: until then it may
    stand as of its last active day, or under the calibration from before that day."""
    connection = await installation.connect()
    try:
        async with asyncio.timeout(seconds):
            while not await connection.fetchval(_AT_REST):
                await asyncio.sleep(0.1)
    finally:
        await connection.close()


async def alerts_have_all(connection: Any, seconds: float) -> None:
    """I9 at rest: alerts has seen the last score message of every account, and opened no rule twice."""
    behind: list[Any] = [None]
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while behind:
                behind = await connection.fetch(
                    "SELECT s.account_id, s.score_seq, c.last_seq FROM health.account_score s"
                    " LEFT JOIN alerts.subject_cursor c ON c.workspace_id = s.workspace_id"
                    " AND c.subject = 'a:acc_' || replace(s.account_id::text, '-', '')"
                    " WHERE c.last_seq IS DISTINCT FROM s.score_seq"
                )
                await asyncio.sleep(0.1)
    assert not behind, behind[:3]


def moments(chance: random.Random, count: int, most: float) -> Iterator[float]:
    """Random waits, in seconds."""
    return (chance.random() * most for _ in range(count))
