"""Names of receivers, looked up so that one whose name server is silent holds up nobody else.

The system's resolver blocks a thread for as long as it likes, also after whoever asked has gone. So it has threads of
its own, and a name is looked up once at a time however many wait for it.

Source: ALERTS.md 11, "SSRF guard".
"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from kizashi_common.errors import Unavailable

Address = IPv4Address | IPv6Address
THREADS: Final = 32
"""So many names can be looked up at once; more wait. One that is idle costs a stack."""


class Names:
    """Looks names up; addresses are taken as they are."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "names")
        self._asked: dict[str, asyncio.Future[list[Address]]] = {}

    async def addresses(self, host: str) -> list[Address]:
        """Every address of a name. Raises: Unavailable when it cannot be resolved."""
        with suppress(ValueError):
            return [ip_address(host)]
        asked = self._asked.get(host)
        if asked is None:
            asked = asyncio.get_running_loop().run_in_executor(self._threads, _addresses, host)
            self._asked[host] = asked
            asked.add_done_callback(lambda _: self._asked.pop(host))
        try:
            # Who gives up leaves the others waiting.
            return await asyncio.shield(asked)
        except OSError as error:
            raise Unavailable("the name cannot be resolved") from error


def _addresses(host: str) -> list[Address]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [ip_address(str(info[4][0]).partition("%")[0]) for info in found]
