"""TCP ports on the loopback address: the wanted ones where they are free, others where not, the same again next time.

Source: OPERATIONS.md 1.5.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from kizashi_local.files import read_json, write_json

LOOPBACK: Final = "127.0.0.1"
PORT_BASE: Final = 7300
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


def choose(wanted: dict[str, int], remembered: dict[str, int], free: IsFree, any_port: Callable[[], int]) -> Addresses:
    """A port for each name: the remembered one, else the wanted one, else whichever the system picks; no two alike."""
    chosen: dict[str, int] = {}
    for name, port in wanted.items():
        candidates = [p for p in (remembered.get(name), port) if p is not None and p not in chosen.values()]
        chosen[name] = next((p for p in candidates if free(p)), None) or _other_than(chosen.values(), any_port)
    return Addresses(**chosen)


def _other_than(taken: Iterable[int], any_port: Callable[[], int]) -> int:
    port = any_port()
    while port in taken:
        port = any_port()
    return port


def pick_port() -> int:
    """A free port of the system's choice."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def claim(data: Path, base: int | None) -> Addresses:
    """The ports of this data directory, written to `ports.json`; another `base` than last time forgets the old ones."""
    file = data / "ports.json"
    before = read_json(file)
    if base is None:
        base = _port(before.get("base")) or PORT_BASE
    wanted = {name: base + offset for name, offset in OFFSETS.items()}
    addresses = choose(wanted, _remembered(before) if before.get("base") == base else {}, is_free, pick_port)
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
