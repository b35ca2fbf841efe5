"""Processes that local mode starts: their own session, their own log file, and an identity that outlives a crash.

A child is known by its pid *and* the moment it was born: pids come round again, and a stranger must never be stopped.
Plain `Popen` and a short poll, because the faster event loop cannot start a process as another account.

Source: OPERATIONS.md 1.2, 1.4, 1.6.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple

from kizashi_common.errors import KizashiError

POLL_SECONDS: Final = 0.02
LAST_LINES: Final = 20
_POLITELY: Final = {"postgres": signal.SIGINT}
"""On SIGTERM PostgreSQL waits for its sessions to end by themselves; on SIGINT it ends them."""


class ChildDied(KizashiError):
    """A process that local mode depends on has ended by itself."""

    code = "child_died"


class Account(NamedTuple):
    """The operating system's account that a child runs as; the whole product else runs as whoever started it."""

    name: str
    uid: int
    gid: int


class Identity(NamedTuple):
    """Which process this is, also after the one that started it is gone. `birth` is comparable for equality only."""

    name: str
    pid: int
    birth: str


@dataclass(frozen=True)
class Child:
    """One running child process."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def identity(self) -> Identity:
        """What is written down, so that the next start can recognise it as an orphan."""
        return Identity(self.name, self.pid, birth(self.pid) or "")

    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self.process.poll() is not None

    async def ended(self) -> None:
        """Returns when the process is gone, for whatever reason."""
        while not self.has_ended():
            await asyncio.sleep(POLL_SECONDS * 5)

    async def watch(self) -> None:
        """Runs as long as the child does.

        Raises: ChildDied with the last lines of its log.
        """
        await self.ended()
        raise self.obituary()

    def obituary(self) -> ChildDied:
        """Why it is gone, as far as its log tells."""
        code = self.process.poll()
        return ChildDied(f"{self.name} has ended (exit {code}). The end of {self.log}:\n{last_lines(self.log)}")

    async def stop(self, how: signal.Signals = signal.SIGTERM, patience: timedelta = timedelta(seconds=30)) -> None:
        """Asks it to end, waits, and in the end kills it; stopping twice is harmless."""
        if self.has_ended():
            return
        self.process.send_signal(how)
        try:
            async with asyncio.timeout(patience.total_seconds()):
                while not self.has_ended():
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            self.kill()
            self.process.wait()

    def kill(self) -> None:
        """Ends its whole session at once."""
        if self.has_ended():
            return
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def spawn(
    name: str,
    command: Sequence[str | Path],
    log: Path,
    *,
    account: Account | None = None,
    environment: Mapping[str, str],
) -> Child:
    """Starts a process in its own session: the Ctrl-C of a terminal reaches us alone. Both outputs go to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=dict(environment),
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    return Child(name, process, log)


Record = Callable[[Identity], None]
"""Writes a new child down before anything waits for it, so that a kill in between leaves no unknown orphan."""


def forget(_: Identity) -> None:
    """A `Record` for those who keep no data directory."""


@dataclass(frozen=True)
class Launcher:
    """Starts children with one environment and writes each of them down."""

    environment: Mapping[str, str]
    record: Record = forget

    def spawn(self, name: str, command: Sequence[str | Path], log: Path, account: Account | None = None) -> Child:
        """As the function `spawn`, and recorded."""
        child = spawn(name, command, log, environment=self.environment, account=account)
        self.record(child.identity())
        return child


def last_lines(log: Path, lines: int = LAST_LINES) -> str:
    """The end of a log file, or a word that there is none."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "(no log)"
    return "\n".join(text.splitlines()[-lines:]) or "(the log is empty)"


def birth(pid: int) -> str | None:
    """When the process was born, as a text that no later process with this pid can have; None when there is none.

    Raises: nothing. A zombie counts as gone: it holds no file and no port.
    """
    if sys.platform == "linux":
        return _birth_on_linux(pid)
    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False, env={"LC_ALL": "C"}
    )
    state, _, started = answer.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def _birth_on_linux(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    fields = stat.rpartition(")")[2].split()
    state, ticks_since_boot = fields[0], fields[19]
    return None if state == "Z" else f"{boot}:{ticks_since_boot}"


def is_alive(known: Identity) -> bool:
    """Whether this very process still runs: the same pid, born at the same moment."""
    return bool(known.birth) and birth(known.pid) == known.birth


async def stop_orphan(known: Identity, patience: timedelta = timedelta(seconds=20)) -> bool:
    """Stops a process that an earlier, killed run left behind. False when it is gone, or is not that process."""
    for how in (_POLITELY.get(known.name, signal.SIGTERM), signal.SIGKILL):
        if not is_alive(known):
            return how is signal.SIGKILL
        os.kill(known.pid, how)
        try:
            async with asyncio.timeout(patience.total_seconds()):
                while is_alive(known):
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            continue
        return True
    return True
