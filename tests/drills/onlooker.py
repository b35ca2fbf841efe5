"""Who is told, and when: everything that Alertmanager holds while a drill runs, and every page that it sends.

Two witnesses, because they can differ: an alert can be held and told to nobody.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, NamedTuple

from tests.ops.prometheus import Alertmanager

EVERY: Final = 0.25


class Page(NamedTuple):
    """An alert as a receiver was told of it; `status` is firing or resolved."""

    receiver: str
    status: str
    name: str
    service: str

    def is_of(self, receiver: str, status: str) -> bool:
        """Whether that receiver was told so."""
        return (self.receiver, self.status) == (receiver, status)


class Receivers:
    """A webhook that keeps what it is told; the last part of the path is the receiver."""

    def __init__(self) -> None:
        self.told: list[Page] = []
        receivers = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                receivers._take(self.path.rsplit("/", 1)[1], body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def listening(self) -> Iterator[Receivers]:
        """Listens while the block runs."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _take(self, receiver: str, body: dict[str, list[dict[str, dict[str, str]]]]) -> None:
        for alert in body.get("alerts", ()):
            labels = alert["labels"]
            self.told.append(Page(receiver, str(alert["status"]), labels["alertname"], labels.get("service", "")))


class Alert(NamedTuple):
    """An alert by the two labels that tell on-call people what and where; `severity` tells whom."""

    name: str
    service: str
    severity: str


@dataclass
class Onlooker:
    """Looks at Alertmanager again and again. Units: seconds of the event loop's clock."""

    alertmanager: Alertmanager
    first_seen: dict[Alert, float] = field(default_factory=dict)
    silenced: set[Alert] = field(default_factory=set)
    now: set[Alert] = field(default_factory=set)

    async def look(self) -> None:
        """One look."""
        at = asyncio.get_running_loop().time()
        held = await asyncio.to_thread(self.alertmanager.alerts, None)
        self.now = set()
        for one in held:
            alert = Alert(one.name, one.labels.get("service", ""), one.labels.get("severity", ""))
            if one.state == "suppressed":
                self.silenced.add(alert)
            else:
                self.first_seen.setdefault(alert, at)
                self.now.add(alert)

    async def keep_looking(self) -> None:
        """Looks until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY)
