"""A webhook receiver that answers as it is told, and remembers what it was sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple


class Got(NamedTuple):
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


class Says(NamedTuple):
    """One answer; `hang` never gives one."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"ok"
    hang: bool = False


@dataclass
class Receiver:
    """Answers in the order of `script`, then with 200."""

    script: list[Says] = field(default_factory=list)
    got: list[Got] = field(default_factory=list)
    port: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:]) if name}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.got.append(Got(head[0].split(" ")[1], headers, body))
        says = self.script.pop(0) if self.script else Says()
        if says.hang:
            await self.released.wait()
        lines = [f"HTTP/1.1 {says.status} x", f"content-length: {len(says.body)}", "connection: close"]
        lines += [f"{name}: {value}" for name, value in says.headers]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + says.body)
        try:
            await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()


@asynccontextmanager
async def receiving(*script: Says) -> AsyncIterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver(list(script))
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.close()
