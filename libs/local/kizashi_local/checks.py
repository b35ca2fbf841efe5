"""What `kizashi doctor` looks at: each check is one line with a level, what was found, and what to do about it.

Nothing here changes anything, and everything works with the product stopped: what needs it running is left out then.

Source: OPERATIONS.md 1.6.
"""

from __future__ import annotations

import platform
import resource
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from kizashi_common.errors import Conflict, KizashiError
from kizashi_local.addresses import Addresses, is_free, recalled
from kizashi_local.broker.choice import BOOTSTRAP, JARS_FOLDER
from kizashi_local.broker.kafka_jars import FOLDER, KAFKA_VERSION, NoKafka, require_java
from kizashi_local.broker.volatile import find_program
from kizashi_local.files import FileLock
from kizashi_local.instance import LOCK, State, orphans, read_state
from kizashi_local.postgres import require_version
from kizashi_local.postgres_binaries import find_binaries
from kizashi_local.service_settings import DATABASE_URL

Level = Literal["ok", "warning", "fault"]

GIB: Final = 1 << 30
LEAST_FILES: Final = 1024
ENOUGH_FILES: Final = 4096


@dataclass(frozen=True)
class Line:
    """One finding. `advice` is empty when there is nothing to do."""

    check: str
    level: Level
    found: str
    advice: str = ""


@dataclass(frozen=True)
class Patient:
    """The installation that is looked at."""

    data: Path
    environment: Mapping[str, str]
    state: State | None
    addresses: Addresses | None
    is_running: bool


def look_at(data: Path, environment: Mapping[str, str]) -> Patient:
    """The installation over this directory. Raises: Invalid when what it wrote down cannot be read."""
    return Patient(data, environment, read_state(data), recalled(data), _is_held(data / LOCK))


def standing(patient: Patient) -> list[Line]:
    """Every check that needs nothing to run."""
    checks: tuple[Callable[[Patient], Line], ...] = (
        _python, _postgres, _kafka, _volatile, _directory, _left_behind, _ports, _disk, _open_files,
    )  # fmt: skip
    return [check(patient) for check in checks]


def _is_held(lock: Path) -> bool:
    if not lock.exists():
        return False
    mine = FileLock(lock)
    try:
        mine.take()
    except Conflict:
        return True
    except OSError:
        return False
    mine.release()
    return False


def _python(_: Patient) -> Line:
    return Line("python", "ok", f"{platform.python_version()} at {sys.executable}")


def _postgres(patient: Patient) -> Line:
    if patient.environment.get(DATABASE_URL):
        return Line("postgresql", "ok", f"external, by {DATABASE_URL}")
    try:
        binaries = find_binaries()
        if (patient.data / "pg" / "PG_VERSION").exists():
            require_version(patient.data / "pg", binaries)
    except KizashiError as error:
        return Line("postgresql", "fault", error.detail.partition(". ")[0], error.detail)
    except PermissionError:
        return Line("postgresql", "ok", f"{binaries.version} ({binaries.origin}); its data belong to another account")
    return Line("postgresql", "ok", f"{binaries.version} ({binaries.origin})")


def _kafka(patient: Patient) -> Line:
    if patient.environment.get(BOOTSTRAP):
        return Line("kafka", "ok", f"external, by {BOOTSTRAP}")
    try:
        major = require_java(patient.environment)
    except NoKafka as refusal:
        return Line("kafka", "warning", f"no Apache Kafka: {refusal.detail}", "Install Java 17 or newer, and Maven.")
    folder = Path(patient.environment.get(JARS_FOLDER) or patient.data) / FOLDER
    if folder.is_dir():
        return Line("kafka", "ok", f"Java {major}; Apache Kafka {KAFKA_VERSION} in {folder}")
    if shutil.which("mvn", path=patient.environment.get("PATH")) is None:
        return Line(
            "kafka", "warning", f"Java {major}, but no Maven", "Install Maven (mvn), which fetches Kafka's jars."
        )
    return Line("kafka", "ok", f"Java {major} and Maven; the next `kizashi up` fetches Apache Kafka {KAFKA_VERSION}")


def _volatile(_: Patient) -> Line:
    try:
        return Line("volatile broker", "ok", str(find_program()))
    except KizashiError as error:
        return Line("volatile broker", "warning", "its wheel is not installed", error.detail)


def _directory(patient: Patient) -> Line:
    if patient.state is None:
        return Line("data directory", "ok", f"{patient.data}: not started yet")
    kind = f"written by {patient.state.version}, broker {patient.state.broker or 'none yet'}"
    if patient.is_running:
        return Line("data directory", "ok", f"{patient.data}: in use now, {kind}")
    if patient.state.clean_stop_at is None:
        advice = "Nothing: the next start stops what was left behind, and PostgreSQL and Kafka recover by themselves."
        return Line(
            "data directory", "warning", f"{patient.data}: the last run did not stop in good order, {kind}", advice
        )
    at = patient.state.clean_stop_at.isoformat(timespec="seconds")
    return Line("data directory", "ok", f"{patient.data}: stopped in good order at {at}, {kind}")


def _left_behind(patient: Patient) -> Line:
    alive = orphans(patient.state)
    names = ", ".join(f"{child.name} (pid {child.pid})" for child in alive) or "none"
    if alive and not patient.is_running:
        return Line("orphans", "warning", names, "The next `kizashi up` stops them.")
    return Line("children", "ok", names)


def _ports(patient: Patient) -> Line:
    if patient.addresses is None:
        return Line("ports", "ok", "chosen at the first start")
    used = {name: getattr(patient.addresses, name) for name in patient.addresses.__dataclass_fields__}
    shown = ", ".join(f"{name} {port}" for name, port in used.items())
    if patient.is_running:
        return Line("ports", "ok", shown)
    taken = [f"{name} {port}" for name, port in used.items() if not is_free(port)]
    if taken:
        return Line("ports", "warning", f"taken: {', '.join(taken)}", "The next start picks others, and says which.")
    return Line("ports", "ok", shown)


def _disk(patient: Patient) -> Line:
    folder = next(folder for folder in (patient.data, *patient.data.parents) if folder.exists())
    free = shutil.disk_usage(folder).free
    found = f"{free / GIB:.1f} GiB free at {folder}"
    if free < GIB:
        return Line("disk", "fault", found, "Free some space: below 1 GiB database and broker may stop.")
    if free < 5 * GIB:
        return Line("disk", "warning", found, "Free some space: a year of a small installation takes about 5 GiB.")
    return Line("disk", "ok", found)


def _open_files(_: Patient) -> Line:
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = f"{soft} files may be open"
    if soft < LEAST_FILES:
        return Line("nofile", "fault", found, f"Raise the limit: ulimit -n {ENOUGH_FILES}.")
    if soft < ENOUGH_FILES:
        return Line("nofile", "warning", found, f"Raise the limit before real load: ulimit -n {ENOUGH_FILES}.")
    return Line("nofile", "ok", found)
