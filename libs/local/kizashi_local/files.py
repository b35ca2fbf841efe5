"""Files that only one process may hold, and files that are whole or not there.

Source: OPERATIONS.md 1.4.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from kizashi_common.errors import Conflict


class FileLock:
    """An exclusive lock on a file, given back by the kernel however the process ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def take(self) -> None:
        """Raises: Conflict when another process has it."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise Conflict(f"{self._path} is held by another process.") from error
        self._handle = handle

    def release(self) -> None:
        """Gives it back; releasing twice is harmless. The file stays: removing it would let two in."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


@asynccontextmanager
async def locked(path: Path) -> AsyncIterator[None]:
    """Holds the lock inside the block, and waits for it before."""
    lock = FileLock(path)
    while True:
        try:
            lock.take()
        except Conflict:
            await asyncio.sleep(0.1)
            continue
        break
    try:
        yield
    finally:
        lock.release()


def make_folder(path: Path, mode: int = 0o755) -> None:
    """Makes the folder and what leads to it; one that exists is left as it is."""
    path.mkdir(mode=mode, parents=True, exist_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Replaces the file at once: readers see the old text or the new one, never half of it."""
    unfinished = path.with_name(f"{path.name}.tmp")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """The object in the file; empty when there is no file, or no object in it."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes an object, whole or not at all."""
    write_whole(path, json.dumps(content, indent=1, sort_keys=True) + "\n")
