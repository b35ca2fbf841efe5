"""PostgreSQL as a child process: initialised once, started, stopped, also when an earlier run left it behind.

Our own `initdb` and `postgres`, TCP on the loopback address only, passwords even there, checksums always.

Source: OPERATIONS.md 1.2.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from kizashi_common.errors import Conflict, KizashiError
from kizashi_local.children import Account, Child, Launcher, Record, birth, forget
from kizashi_local.files import make_folder
from kizashi_local.kept_secrets import kept_secret
from kizashi_local.postgres_binaries import Binaries, find_binaries, require_entrance, runnable, server_account

SUPERUSER: Final = "kizashi"
READY_WITHIN: Final = timedelta(seconds=30)
_BURIAL: Final = timedelta(seconds=10)
_ENVIRONMENT: Final = {"LC_ALL": "C.UTF-8", "TZ": "UTC"}
_REFUSALS: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)


class DatabaseFailed(KizashiError):
    """PostgreSQL could not be set up or did not start."""

    code = "database_failed"


class Postgres(Protocol):
    """A PostgreSQL server to work with, ours or somebody else's."""

    @property
    def pid(self) -> int | None:
        """The server's process, when it is our child."""
        ...

    def superuser_url(self, database: str) -> str:
        """Where the one who owns the server logs in."""
        ...

    def url(self, database: str, role: str, password: str) -> str:
        """Where a role logs in."""
        ...

    async def stop(self) -> None:
        """Ends the server if it is our child."""
        ...


@dataclass(frozen=True)
class PostgresServer:
    """A running PostgreSQL that is our child."""

    child: Child
    port: int
    password: str
    binaries: Binaries

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        return self.child.pid

    def superuser_url(self, database: str = "postgres") -> str:
        """Where the superuser logs in."""
        return self.url(database, SUPERUSER, self.password)

    def url(self, database: str, role: str, password: str) -> str:
        """Where a role logs in: `postgresql://role:password@127.0.0.1:port/database`."""
        return f"postgresql://{quote(role)}:{quote(password, safe='')}@127.0.0.1:{self.port}/{quote(database)}"

    async def stop(self) -> None:
        """Fast shutdown: sessions are cut, everything committed stays; stopping twice is harmless."""
        await self.child.stop(signal.SIGINT)


@dataclass(frozen=True)
class ExternalPostgres:
    """A PostgreSQL that somebody else runs, named by KIZASHI_DATABASE_URL; its account must be able to create roles."""

    server: str
    pid: None = None

    def superuser_url(self, database: str) -> str:
        """The given address, with another database."""
        return urlunsplit(urlsplit(self.server)._replace(path=f"/{quote(database)}"))

    def url(self, database: str, role: str, password: str) -> str:
        """The given host, with another account and database."""
        parts = urlsplit(self.server)
        host = parts.netloc.rpartition("@")[2]
        account = f"{quote(role)}:{quote(password, safe='')}"
        return urlunsplit(parts._replace(netloc=f"{account}@{host}", path=f"/{quote(database)}"))

    async def stop(self) -> None:
        """Leaves it alone."""


async def start_postgres(
    data: Path,
    port: int,
    *,
    fsync: bool = True,
    record: Record = forget,
    find: Callable[[], Binaries] = find_binaries,
) -> PostgresServer:
    """A server over `<data>/pg`, initialised when that is new, ready to be logged into.

    `fsync=False` is for tests, whose data may be lost. `record` is told of the process as soon as there is one. `find`
    says which programs to run.
    Raises: Absent without any PostgreSQL, Invalid when its account cannot enter `data`, Conflict when the data belong
    to another major version, DatabaseFailed when it does not come up.
    """
    account = server_account()
    binaries, home = await asyncio.to_thread(_prepared, data, account, find)
    password = kept_secret(data / "secrets", "postgres")
    if home.exists():
        require_version(home, binaries)
        await asyncio.to_thread(_stop_left_over, home, binaries, account)
    else:
        await asyncio.to_thread(_initialise, home, binaries, account, password=password, fsync=fsync)
    command = _command(home, binaries, port, fsync=fsync)
    child = Launcher(_ENVIRONMENT, record).spawn("postgres", command, data / "log" / "postgres.log", account)
    server = PostgresServer(child, port, password, binaries)
    await _ready(server)
    return server


def _prepared(data: Path, account: Account | None, find: Callable[[], Binaries]) -> tuple[Binaries, Path]:
    """The programs, where the account can run them, and the place of the cluster in a data directory it can reach."""
    make_folder(data)
    if account is not None:
        data.chmod(0o711)
    whole = data.resolve()
    require_entrance(whole, account)
    return runnable(find(), whole, account), whole / "pg"


def require_version(home: Path, binaries: Binaries) -> None:
    """Raises: Conflict when the data belong to another major version of PostgreSQL, with the way out."""
    written = (home / "PG_VERSION").read_text(encoding="ascii").strip()
    if written == str(binaries.major):
        return
    raise Conflict(
        f"{home} was written by PostgreSQL {written}; the programs found are {binaries.version} ({binaries.origin}). "
        f"To carry the data over: (1) start {home} once more with PostgreSQL {written} (`postgres -D {home} -p PORT`); "
        f"(2) `pg_dumpall -h 127.0.0.1 -p PORT -U {SUPERUSER} > kizashi.sql`, the password is in "
        f"{home.parent / 'secrets' / 'postgres'}; (3) stop it and move {home} aside; (4) run `kizashi up` and "
        "load the dump with `psql -f kizashi.sql`. Or start anew with `kizashi up --reset`."
    )


def _command(home: Path, binaries: Binaries, port: int, *, fsync: bool) -> list[str]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "cluster_name": "kizashi",
        "jit": "off",
        # A refused row is quoted in DETAIL and CONTEXT, and nobody's data belong into a log.
        "log_error_verbosity": "terse",
    }
    if not fsync:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    pairs = [f"{name}={value}" for name, value in settings.items()]
    return [str(binaries["postgres"]), "-D", str(home), *(part for pair in pairs for part in ("-c", pair))]


def _initialise(home: Path, binaries: Binaries, account: Account | None, *, password: str, fsync: bool) -> None:
    """Makes the cluster beside its place and moves it there when whole, so that a killed start leaves no half one."""
    unfinished = home.with_name("pg.tmp")
    password_file = home.with_name("pg.password.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    password_file.touch(mode=0o600)
    password_file.write_text(password, encoding="ascii")
    if account is not None:
        os.chown(unfinished, account.uid, account.gid)
        os.chown(password_file, account.uid, account.gid)
    provider = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if binaries.major >= 17 else []
    command: list[str | Path] = [
        binaries["initdb"], "-D", unfinished, "-U", SUPERUSER, "-E", "UTF8", "--locale=C", *provider,
        "--data-checksums", "--auth=scram-sha-256", f"--pwfile={password_file}", *([] if fsync else ["--no-sync"]),
    ]  # fmt: skip
    try:
        _run(command, account)
    finally:
        password_file.unlink()
    unfinished.rename(home)


def _stop_left_over(home: Path, binaries: Binaries, account: Account | None) -> None:
    """Stops the server of a run that was killed. A lock file that names a stranger's process is removed instead."""
    lock = home / "postmaster.pid"
    try:
        pid = int(lock.read_text(encoding="utf-8").splitlines()[0])
    except (OSError, ValueError, IndexError):
        return
    if birth(pid) is None:
        _await_burial(pid, lock)
        return
    if _serves(pid, home):
        _run([binaries["pg_ctl"], "stop", "-D", home, "-m", "fast", "-w"], account)
        return
    lock.unlink()


def _await_burial(pid: int, lock: Path) -> None:
    """A killed server that nobody has reaped yet still has its pid, and a new one would take it for running.

    Its own children end with it; they get the same time before the lock file, which also guards against them, goes.
    """
    deadline = time.monotonic() + _BURIAL.total_seconds()
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > deadline:
            lock.unlink(missing_ok=True)
            return
        time.sleep(0.05)


def _serves(pid: int, home: Path) -> bool:
    """Whether the process was started over this very folder."""
    answer = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return f"-D {home}" in answer.stdout


def _run(command: list[str | Path], account: Account | None) -> None:
    try:
        subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
            cwd="/",
            env=_with_path(),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except subprocess.CalledProcessError as error:
        raise DatabaseFailed(f"{Path(command[0]).name} failed: {(error.stderr or error.stdout).strip()}") from error


def _with_path() -> Mapping[str, str]:
    return {**_ENVIRONMENT, "PATH": os.defpath}


async def _ready(server: PostgresServer) -> None:
    """Returns when one can log in over TCP.

    Raises: DatabaseFailed after 30 s, ChildDied when the server ends first.
    """
    refusal: BaseException | None = None
    try:
        async with asyncio.timeout(READY_WITHIN.total_seconds()):
            while True:
                if server.child.has_ended():
                    raise server.child.obituary()
                try:
                    connection = await asyncpg.connect(server.superuser_url(), timeout=5)
                except _REFUSALS as error:
                    refusal = error
                    await asyncio.sleep(0.02)
                    continue
                await connection.close()
                return
    except TimeoutError:
        await server.stop()
        raise DatabaseFailed(f"PostgreSQL did not let anybody in within {READY_WITHIN}: {refusal}") from refusal
    except BaseException:
        server.child.kill()
        raise
