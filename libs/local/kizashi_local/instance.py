"""The data directory: one `up` at a time, what an earlier one left behind, and what is known of it.

Source: OPERATIONS.md 1.4.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TextIO

import msgspec

from kizashi_common.errors import Conflict, Invalid
from kizashi_local.broker.broker import Kind
from kizashi_local.children import Identity, is_alive, stop_orphan
from kizashi_local.files import FileLock, make_folder, write_whole

LOCK: Final = "instance.lock"
FILE: Final = "instance.json"
DATA_DIR: Final = "KIZASHI_DATA_DIR"


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What `instance.json` holds. `keys_shown` tells that the first keys were printed, which happens once;
    `demo_day` is the day that the demo's past was made for, `demo_is_made` that it is whole.
    """

    version: str
    children: tuple[Identity, ...] = ()
    broker: Kind | None = None
    clean_stop_at: datetime | None = None
    keys_shown: bool = False
    demo_day: date | None = None
    demo_is_made: bool = False


def data_directory(given: Path | None, environment: Mapping[str, str], *, is_root: bool) -> Path:
    """Where the data directory is: given, named by the environment, or the system's usual place."""
    if given is not None:
        return given.expanduser().absolute()
    if environment.get(DATA_DIR):
        return Path(environment[DATA_DIR]).expanduser().absolute()
    if is_root:
        return Path("/var/lib/kizashi")
    home = environment.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "kizashi"


def read_state(data: Path) -> State | None:
    """What is known of the directory; None before its first start.

    Raises: Invalid when the file is there and cannot be read.
    """
    file = data / FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=State)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise Invalid(f"{file} cannot be read: {error}") from error


def orphans(state: State | None) -> tuple[Identity, ...]:
    """Children of an earlier run that still live, recognised by pid and time of birth."""
    return tuple(child for child in (state.children if state else ()) if is_alive(child))


def is_newer(written: str, ours: str) -> bool:
    """Whether the directory was written by a later version than this one."""
    return _numbers(written) > _numbers(ours)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:3] if part.isdigit())


class Instance:
    """A data directory that this process holds."""

    def __init__(self, data: Path, lock: FileLock, state: State) -> None:
        self.data = data
        self._lock = lock
        self.state = state

    @classmethod
    def take(cls, data: Path) -> Instance:
        """Makes the directory where it is new, and locks it until `release`.

        Raises: Conflict when another `up` holds it or a newer version wrote it, Invalid when it is somebody else's.
        """
        _require_ours(data)
        make_folder(data, 0o700)
        lock = FileLock(data / LOCK)
        try:
            lock.take()
        except Conflict:
            raise Conflict(f"Another `kizashi up` is running over {data}. Stop it, or choose another --data.") from None
        try:
            state = read_state(data)
            ours = version("kizashi")
            if state is not None and is_newer(state.version, ours):
                raise Conflict(f"{data} was written by Kizashi {state.version}, which is newer than this one ({ours}).")
            instance = cls(data, lock, state or State(version=ours))
            instance.update(version=ours)
        except BaseException:
            lock.release()
            raise
        return instance

    def update(self, **changes: Any) -> None:
        """Changes what is known, and writes it down at once."""
        self.state = msgspec.structs.replace(self.state, **changes)
        write_whole(self.data / FILE, msgspec.json.format(msgspec.json.encode(self.state), indent=1).decode() + "\n")

    def record(self, child: Identity) -> None:
        """Writes a new child down."""
        self.update(children=(*self.state.children, child), clean_stop_at=None)

    async def stop_orphans(self, tell: Callable[[str], None]) -> None:
        """Stops what a killed run left behind."""
        for orphan in orphans(self.state):
            tell(f"Stopping {orphan.name} (pid {orphan.pid}), left behind by a run that was killed.")
            await stop_orphan(orphan)
        self.update(children=())

    def open_log(self) -> TextIO:
        """The log of our own process, to be appended to."""
        make_folder(self.data / "log")
        return (self.data / "log" / "kizashi.log").open("a", encoding="utf-8", buffering=1)

    def stopped_clean(self, at: datetime) -> None:
        """Records an orderly stop."""
        self.update(children=(), clean_stop_at=at)

    async def reset(self, tell: Callable[[str], None]) -> None:
        """Empties the directory, and begins it anew."""
        await self.stop_orphans(tell)
        for entry in self.data.iterdir():
            if entry.name == LOCK:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        self.state = State(version=version("kizashi"))
        self.update()

    def release(self) -> None:
        """Gives the directory back."""
        self._lock.release()


def _require_ours(data: Path) -> None:
    """Refuses a folder with other things in it: we set its mode, and `--reset` empties it."""
    if not data.exists() or (data / FILE).exists():
        return
    if not data.is_dir():
        raise Invalid(f"{data} is not a folder.")
    if any(entry.name != LOCK for entry in data.iterdir()):
        raise Invalid(
            f"{data} is not empty and holds no {FILE}: it is not a data directory of ours. Choose another one."
        )
