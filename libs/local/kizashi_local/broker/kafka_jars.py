"""Apache Kafka's jars: resolved by the machine's own Maven, once, into a folder that appears only when it is whole.

Java and Maven on PATH do not prove that a registry can be reached, so every refusal is a reason in one line, and what
to do with it is decided in `choice.py`.

Source: OPERATIONS.md 1.3.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

from kizashi_common.errors import KizashiError
from kizashi_local.broker.broker import Progress
from kizashi_local.children import POLL_SECONDS, Child, Launcher
from kizashi_local.files import locked, make_folder

KAFKA_VERSION: Final = "4.3.1"
OLDEST_JAVA: Final = 17
PLUGIN: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
POM: Final = Path(__file__).with_name("pom.xml")
TIME_LIMIT: Final = timedelta(seconds=180)
FOLDER: Final = f"kafka-jars-{KAFKA_VERSION}"


class NoKafka(KizashiError):
    """Apache Kafka cannot be had on this machine."""

    code = "no_kafka"


def java_major(described: str) -> int | None:
    """The major version out of what `java -version` prints: 17 of `"17.0.15"`, 8 of `"1.8.0_392"`."""
    match = re.search(r'version "(?:1\.)?(\d+)', described)
    return int(match[1]) if match else None


def require_java(environment: Mapping[str, str]) -> int:
    """The major version of the Java on PATH.

    Raises: NoKafka when there is none, or one too old.
    """
    try:
        answer = subprocess.run(
            ["java", "-version"], capture_output=True, text=True, check=False, timeout=20, env=dict(environment)
        )
    except (OSError, subprocess.SubprocessError):
        raise NoKafka("there is no Java on PATH") from None
    major = java_major(answer.stderr + answer.stdout)
    if major is None:
        raise NoKafka("`java -version` does not run")
    if major < OLDEST_JAVA:
        raise NoKafka(f"Java {major} is too old, Kafka needs {OLDEST_JAVA}")
    return major


async def jars(folder: Path, log: Path, launcher: Launcher, progress: Progress) -> Path:
    """The folder that holds the jars, fetched when it is not there yet.

    Raises: NoKafka with the reason in one line.
    """
    require_java(launcher.environment)
    home = folder / FOLDER
    if home.is_dir():
        return home
    if shutil.which("mvn", path=launcher.environment.get("PATH")) is None:
        raise NoKafka("there is no Maven (mvn) on PATH")
    make_folder(folder)
    async with locked(folder / f"{FOLDER}.lock"):
        if not home.is_dir():
            await _fetch(home, log, launcher, progress)
    return home


async def _fetch(home: Path, log: Path, launcher: Launcher, progress: Progress) -> None:
    unfinished = home.with_name(f"{home.name}.tmp")
    _clear(unfinished, log)
    command: list[str | Path] = [
        "mvn",
        "-B",
        "-f",
        POM,
        PLUGIN,
        "-DincludeScope=runtime",
        f"-DoutputDirectory={unfinished}",
    ]
    progress(f"Fetching Apache Kafka {KAFKA_VERSION} with Maven: once for this data directory, about 120 MB.")
    maven = launcher.spawn("maven", command, log)
    try:
        async with asyncio.timeout(TIME_LIMIT.total_seconds()):
            await _watch(maven, progress)
    except TimeoutError:
        raise NoKafka(f"Maven did not finish within {TIME_LIMIT.total_seconds():.0f} s, see {log}") from None
    finally:
        maven.kill()
    if maven.process.wait() != 0 or not any(unfinished.glob("kafka_*.jar")):
        raise NoKafka(f"Maven could not fetch the jars: {_reason(log)}")
    unfinished.rename(home)


def _clear(unfinished: Path, log: Path) -> None:
    shutil.rmtree(unfinished, ignore_errors=True)
    log.unlink(missing_ok=True)


async def _watch(maven: Child, progress: Progress) -> None:
    """Returns when Maven has ended; meanwhile tells every second what has come."""
    told, beats = 0, 0
    while not maven.has_ended():
        await asyncio.sleep(POLL_SECONDS)
        beats += 1
        if beats % 50 == 0:
            fetched = maven.log.read_text(encoding="utf-8", errors="replace").count(".jar (")
            if fetched > told:
                told = fetched
                progress(f"Fetching Apache Kafka {KAFKA_VERSION}: {fetched} files so far.")


def _reason(log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    faults = [line.partition("[ERROR]")[2].strip() for line in text.splitlines() if "[ERROR]" in line]
    return next((fault for fault in faults if fault), "it gave no reason")[:300]
