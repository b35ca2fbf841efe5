"""The load generator, a process of its own: bodies are made before the clock starts, and sent over kept connections.

Requests are what an SDK of Segment sends to `/v1/batch`. Without a rate each connection sends as soon as it is
answered; with one, requests leave by the clock, whether or not earlier ones are answered (an open loop, so that a slow
product cannot slow its own measurement down).

Protocol: the plan as JSON in the first argument; prints `prepared`, waits for a line, sends, prints the outcome.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

FEATURES = 20
USERS = 5


@dataclass(frozen=True)
class Plan:
    """What to send. `rate` is events per second, 0 for as fast as it is answered; `name` makes ids and accounts fresh.

    `sample_every`: each so many requests one event names an account nobody has heard of (0: never).
    """

    url: str
    key: str
    name: str
    events: int
    per_request: int
    connections: int
    accounts: int = 2_000
    rate: int = 0
    sample_every: int = 0


@dataclass
class Sample:
    """An account named for the first time, and when its event was sent and accepted. Units: monotonic seconds."""

    account: str
    sent: float
    accepted: float


@dataclass
class Sent:
    """What became of it. Units: monotonic seconds, seconds."""

    began: float = 0.0
    ended: float = 0.0
    accepted: int = 0
    refused: list[str] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)


class Request:
    """One prepared request: its bytes, and the fresh account in it, if it holds one."""

    __slots__ = ("fresh", "raw")

    def __init__(self, raw: bytes, fresh: str | None) -> None:
        self.raw = raw
        self.fresh = fresh


def requests(plan: Plan) -> Iterator[Request]:
    """All requests of a plan. Events go round the accounts, so that neighbours in a batch differ."""
    where = urlsplit(plan.url)
    basic = base64.b64encode(f"{plan.key}:".encode()).decode()
    head = (
        f"POST /v1/batch HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Basic {basic}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    )
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    for number, start in enumerate(range(0, plan.events, plan.per_request)):
        fresh = f"{plan.name}-{number}" if plan.sample_every and number % plan.sample_every == 0 else None
        size = min(plan.per_request, plan.events - start)
        batch = [_event(plan, start + i, at, fresh if i == 0 else None) for i in range(size)]
        body = json.dumps({"batch": batch}, separators=(",", ":")).encode()
        yield Request(f"{head}{len(body)}\r\n\r\n".encode() + body, fresh)


def _event(plan: Plan, index: int, at: str, fresh: str | None) -> dict[str, object]:
    account = index % plan.accounts
    user = (index // plan.accounts + account) % USERS
    return {
        "type": "track",
        "messageId": f"{plan.name}-{index:012d}-5b1c",
        "userId": f"u-{account}-{user}",
        "event": "Report exported",
        "timestamp": at,
        "context": {
            "groupId": fresh or f"account-{account}",
            "library": {"name": "analytics-python", "version": "2.4.0"},
        },
        "properties": {"feature": f"feature-{index % FEATURES}", "format": "csv", "rows": index % 997},
        "integrations": {},
    }


class Connection:
    """One kept connection: a request, its answer, the next request."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, raw: bytes) -> tuple[int, bytes]:
        """Sends a request; answers status and body."""
        self._writer.write(raw)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        return int(head[9:12]), await self._reader.readexactly(length)

    def close(self) -> None:
        """Hangs up."""
        self._writer.close()


class Sender:
    """Sends a plan's requests over its connections."""

    def __init__(self, plan: Plan, waiting: list[Request]) -> None:
        self._plan = plan
        self._waiting = list(reversed(waiting))
        self._free: asyncio.Queue[Connection] = asyncio.Queue()
        self._sent = Sent()

    async def run(self) -> Sent:
        """Sends everything; returns when the last answer is here."""
        where = urlsplit(self._plan.url)
        for _ in range(self._plan.connections):
            self._free.put_nowait(Connection(*await asyncio.open_connection(where.hostname, where.port)))
        self._sent.began = time.monotonic()
        if self._plan.rate:
            await self._by_the_clock()
        else:
            await self._as_answered()
        self._sent.ended = time.monotonic()
        while not self._free.empty():
            self._free.get_nowait().close()
        return self._sent

    async def _as_answered(self) -> None:
        async def one() -> None:
            while self._waiting:
                await self._send(self._waiting.pop(), time.monotonic())

        async with asyncio.TaskGroup() as group:
            for _ in range(self._plan.connections):
                group.create_task(one())

    async def _by_the_clock(self) -> None:
        due = self._sent.began
        async with asyncio.TaskGroup() as group:
            while self._waiting:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                group.create_task(self._send(self._waiting.pop(), due))
                due += self._plan.per_request / self._plan.rate

    async def _send(self, request: Request, due: float) -> None:
        connection = await self._free.get()
        try:
            status, body = await connection.ask(request.raw)
        finally:
            self._free.put_nowait(connection)
        now = time.monotonic()
        if status != 200:
            self._sent.refused.append(f"{status} {body[:200]!r}")
            return
        self._sent.accepted += json.loads(body)["accepted"]
        self._sent.latencies.append(now - due)
        if request.fresh is not None:
            self._sent.samples.append(Sample(request.fresh, due, now))


def main() -> None:
    plan = Plan(**json.loads(sys.argv[1]))
    waiting = list(requests(plan))
    print("prepared", flush=True)
    sys.stdin.readline()
    print(json.dumps(asdict(asyncio.run(Sender(plan, waiting).run()))), flush=True)


if __name__ == "__main__":
    main()
