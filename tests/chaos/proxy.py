"""A TCP proxy before PostgreSQL that loses what it is told to lose.

It cuts a connection around a COMMIT: before the server sees it, before its answer, or while both are under way. It can
also be away (refuse everyone), or silent (take everything and answer nothing).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from enum import Enum

from kizashi_common.db.database import Database


class Cut(Enum):
    """What becomes of a COMMIT: never sent, sent and cut at once, carried out and its answer lost."""

    UNSENT = "unsent"
    IN_FLIGHT = "in flight"
    UNANSWERED = "unanswered"


class Proxy:
    """`decide` is asked at every COMMIT of a connection that has said `marker`; None lets it pass."""

    def __init__(self, host: str, port: int, marker: bytes) -> None:
        self._target = (host, port)
        self._marker = marker
        self._pipes: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._open.set()
        self.away = False
        self.decide: Callable[[], Cut | None] = lambda: None
        self.cuts: list[Cut] = []
        self.port = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Proxy]:
        """Serves while the block runs."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.drop()
            await server.wait_closed()

    def drop(self) -> None:
        """Cuts every connection there is."""
        for pipe in self._pipes:
            pipe.cancel()

    def leave(self) -> None:
        """From now on nobody gets through."""
        self.away = True
        self.drop()

    def come_back(self) -> None:
        self.away = False

    def fall_silent(self) -> None:
        """Connections stay, and nothing moves on them."""
        self._open.clear()

    def speak(self) -> None:
        self._open.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.away:
            writer.transport.abort()
            return
        task = asyncio.ensure_future(self._carry(reader, writer))
        self._pipes.add(task)
        task.add_done_callback(self._pipes.discard)
        with suppress(asyncio.CancelledError, OSError):
            await task

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        try:
            from_server, to_server = await asyncio.open_connection(*self._target)
            ends.append(to_server)
            unanswered = asyncio.Event()
            up = asyncio.ensure_future(self._up(reader, to_server, unanswered))
            down = asyncio.ensure_future(self._down(from_server, writer, unanswered))
            try:
                await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                up.cancel()
                down.cancel()
                await asyncio.gather(up, down, return_exceptions=True)
        finally:
            for end in ends:
                end.transport.abort()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, unanswered: asyncio.Event) -> None:
        marked = False
        while chunk := await reader.read(65_536):
            await self._open.wait()
            marked = marked or self._marker in chunk
            cut = self.decide() if marked and b"COMMIT;" in chunk else None
            if cut is not None:
                self.cuts.append(cut)
            if cut is Cut.UNANSWERED:
                unanswered.set()
            if cut is not Cut.UNSENT:
                writer.write(chunk)
                await writer.drain()
            if cut in (Cut.UNSENT, Cut.IN_FLIGHT):
                return

    async def _down(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, unanswered: asyncio.Event
    ) -> None:
        while chunk := await reader.read(65_536):
            await self._open.wait()
            if unanswered.is_set():
                return
            writer.write(chunk)
            await writer.drain()


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[tuple[Proxy, Database]]:
    """The database of a service behind a proxy that knows the ledger's connections from all others."""
    login, _, place = url.rpartition("@")
    address, _, name = place.partition("/")
    host, _, port = address.partition(":")
    async with Proxy(host, int(port), b"flush_seq = flush_seq + 1").listening() as proxy:
        database = Database(f"{login}@127.0.0.1:{proxy.port}/{name}")
        try:
            yield proxy, database
        finally:
            proxy.decide = lambda: None
            proxy.come_back()
            proxy.speak()
            await database.close()
