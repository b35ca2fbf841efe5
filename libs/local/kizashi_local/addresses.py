"""TCP ports on the loopback address: the wanted ones where they are free, others where not, the same again next time.

Source: OPERATIONS.md 1.5.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from itertools import chain
from pathlib import Path
from typing import Any, Final

from kizashi_local.files import read_json, write_json

LOOPBACK: Final = "127.0.0.1"
PORT_BASE: Final = 7300
SPARE: Final = range(20_000, 32_000)
"""In place of taken ones, below what Linux (from 32768), macOS and Windows (from 49152) lend to outgoing connections:
a door on such a port may find it lent to somebody when it opens again."""
OFFSETS: Final = {
    "gateway": 0,
    "ingest": 1,
    "ingest_internal": 2,
    "health_internal": 3,
    "alerts_internal": 4,
    "ops": 9,
    "broker": 10,
    "controller": 11,
    "postgres": 12,
}

IsFree = Callable[[int], bool]


@dataclass(frozen=True)
class Addresses:
    """The port of every door and server of one local installation."""

    gateway: int
    ingest: int
    ingest_internal: int
    health_internal: int
    alerts_internal: int
    ops: int
    broker: int
    controller: int
    postgres: int

    def url(self, door: str) -> str:
        """Where a door is reached from this machine, by the name of its field."""
        return f"http://{LOOPBACK}:{getattr(self, door)}"

    @property
    def gateway_url(self) -> str:
        """Console and API."""
        return self.url("gateway")

    @property
    def ingest_url(self) -> str:
        """Where events are sent."""
        return self.url("ingest")

    @property
    def ops_url(self) -> str:
        """Probes and metrics."""
        return self.url("ops")


def is_free(port: int) -> bool:
    """Whether nobody listens on this port of the loopback address.

    Raises: nothing. The option is the one that servers set: a port that lingers after a stop counts as free.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except (OSError, OverflowError):
            return False
    return True


def choose(wanted: dict[str, int], remembered: dict[str, int], free: IsFree) -> Addresses:
    """A port for each name: the remembered one, else the wanted one, else the first spare one; no two alike."""
    chosen: dict[str, int] = {}
    for name, port in wanted.items():
        candidates = chain([remembered.get(name, port), port], SPARE)
        chosen[name] = next(p for p in candidates if p not in chosen.values() and free(p))
    return Addresses(**chosen)


def claim(data: Path, base: int | None) -> Addresses:
    """The ports of this data directory, written to `ports.json`; another `base` than last time forgets the old ones."""
    file = data / "ports.json"
    before = read_json(file)
    if base is None:
        base = _port(before.get("base")) or PORT_BASE
    wanted = {name: base + offset for name, offset in OFFSETS.items()}
    addresses = choose(wanted, _remembered(before) if before.get("base") == base else {}, is_free)
    write_json(file, {"base": base, **asdict(addresses)})
    return addresses


def recalled(data: Path) -> Addresses | None:
    """The ports that this data directory used last; None before its first start."""
    known = _remembered(read_json(data / "ports.json"))
    return Addresses(**known) if len(known) == len(fields(Addresses)) else None


def _remembered(content: dict[str, Any]) -> dict[str, int]:
    found = {name: _port(content.get(name)) for name in OFFSETS}
    return {name: port for name, port in found.items() if port is not None}


def _port(value: object) -> int | None:
    return value if isinstance(value, int) and 0 < value < 65_536 else None
