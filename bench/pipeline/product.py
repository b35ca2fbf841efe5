"""The product under measurement, as a user would run it (`kizashi up --json`), seen from outside.

What is counted and scored is read from PostgreSQL, since a figure is only worth what is committed. What each process
costs is read from the kernel (`/proc`): seconds of CPU, unlike seconds of a clock, do not depend on who else is using
the machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

TICKS = os.sysconf("SC_CLK_TCK")
STOP_WITHIN_S = 60.0
LATE_S = 180.0


@dataclass(frozen=True)
class Cost:
    """Seconds of CPU by whom. `services` is the one process of local mode: ingest, health, alerts and gateway."""

    services: float
    broker: float
    database: float

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.services - other.services, self.broker - other.broker, self.database - other.database)


class Product:
    """One running `kizashi up` over a data directory."""

    def __init__(self, process: asyncio.subprocess.Process, ready: Mapping[str, Any]) -> None:
        self._process = process
        self._data = Path(ready["data"])
        self.ingest: str = ready["ingest"]
        self.broker: str = ready["broker"]
        self.key = (self._data / "secrets" / "server_key").read_text()
        ports = json.loads((self._data / "ports.json").read_text())
        self.bootstrap = f"127.0.0.1:{ports['broker']}"
        password = (self._data / "secrets" / "postgres").read_text()
        self._url = f"postgresql://kizashi:{password}@127.0.0.1:{ports['postgres']}/kizashi"
        self._database: Any = None

    @classmethod
    async def start(cls, command: str, data: Path, port_base: int, settings: Mapping[str, str]) -> Product:
        """Starts it, and returns when it is ready."""
        data.parent.mkdir(parents=True, exist_ok=True)
        with data.with_suffix(".log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                command, "up", "--json", "--data", str(data), "--port-base", str(port_base),
                stdout=asyncio.subprocess.PIPE, stderr=log, env={**os.environ, **settings},
            )  # fmt: skip
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), LATE_S)
        if not line:
            raise SystemExit(f"`{command} up` did not start; see {data.with_suffix('.log')}")
        ready = json.loads(line)
        product = cls(process, ready)
        try:
            product._database = await asyncpg.connect(product._url)
        except BaseException:
            await product.stop()
            raise
        return product

    async def stop(self) -> None:
        """Stops it in good order."""
        if self._database is not None:
            await self._database.close()
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(self._process.wait(), STOP_WITHIN_S)

    async def counted(self) -> int:
        """Events applied and committed since the first start."""
        return int(await self._database.fetchval("SELECT coalesce(sum(applied), 0) FROM health.consumer_slot"))

    async def stale(self) -> int:
        """Accounts whose score waits to be computed again."""
        return int(await self._database.fetchval("SELECT count(*) FROM health.account WHERE stale_since IS NOT NULL"))

    async def shown(self, accounts: Collection[str]) -> set[str]:
        """Which of these accounts have a card with a score: what portfolio and API show from then on."""
        rows = await self._database.fetch(
            "SELECT external_id FROM health.account_card WHERE external_id = ANY($1::text[]) AND score IS NOT NULL",
            list(accounts),
        )
        return {row["external_id"] for row in rows}

    async def rows_written(self) -> Mapping[str, int]:
        """Flushes so far, and how many of its rows a table has had inserted or updated."""
        rows = await self._database.fetch(
            "SELECT relname, n_tup_ins + n_tup_upd AS rows FROM pg_stat_user_tables WHERE schemaname = 'health'"
        )
        return {row["relname"]: row["rows"] for row in rows}

    def cost(self) -> Cost:
        """Seconds of CPU used so far."""
        children = {pid: _name(pid) for pid in _children(self._process.pid)}
        broker = sum(_cpu(pid) for pid, name in children.items() if name != "postgres")
        masters = [pid for pid, name in children.items() if name == "postgres"]
        servers = [pid for master in masters for pid in (master, *_children(master))]
        return Cost(_cpu(self._process.pid), broker, sum(map(_cpu, servers)))


def _children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        stat = _stat(entry)
        if stat and int(stat[1]) == pid:
            found.append(int(entry.parent.name))
    return found


def _stat(path: Path) -> list[str]:
    """The fields after the name, which may hold blanks: state, parent, ..."""
    try:
        return path.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _cpu(pid: int) -> float:
    stat = _stat(Path(f"/proc/{pid}/stat"))
    return (int(stat[11]) + int(stat[12])) / TICKS if stat else 0.0


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
