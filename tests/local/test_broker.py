"""Which broker is chosen, and that each kind starts, answers, says what it is, and stops."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final, get_args

import pytest

from kizashi_common.errors import Conflict, Invalid, KizashiError
from kizashi_local.broker.broker import Broker, BrokerFailed, BrokerPlace, Kind, Wanted
from kizashi_local.broker.choice import BOOTSTRAP, Choice, choose, start_broker
from kizashi_local.broker.kafka import new_cluster_id, server_properties
from kizashi_local.broker.kafka_jars import KAFKA_VERSION, POM, NoKafka, java_major
from kizashi_local.broker.ready import ask, wait_until_ready
from kizashi_local.broker.volatile import NOTICE
from kizashi_local.children import Launcher, spawn
from tests.ports import free_port

JARS: Final = Path("/jars")
HAS_JAVA_AND_MAVEN: Final = all(map(shutil.which, ("java", "mvn")))


async def there() -> Path:
    return JARS


async def not_there() -> Path:
    raise NoKafka("there is no Java on PATH")


async def never_asked() -> Path:
    raise AssertionError("Kafka does not come into question here")


async def test_an_address_in_the_environment_wins() -> None:
    assert await choose("auto", "kafka", "b:9092", never_asked) == Choice("external")
    assert await choose("external", None, "b:9092", never_asked) == Choice("external")
    with pytest.raises(Invalid, match=BOOTSTRAP):
        await choose("external", None, None, never_asked)


async def test_kafka_comes_before_the_volatile_broker() -> None:
    assert await choose("auto", None, None, there) == Choice("kafka", JARS)
    choice = await choose("auto", None, None, not_there)
    assert choice == Choice("volatile", word=NOTICE.format(reason="there is no Java on PATH"))


async def test_a_directory_that_began_volatile_moves_to_kafka_with_one_line() -> None:
    choice = await choose("auto", "volatile", None, there)
    assert choice.kind == "kafka"
    assert choice.word is not None
    assert "moves to Apache Kafka" in choice.word


async def test_a_directory_that_began_on_kafka_does_not_fall_back_by_itself() -> None:
    with pytest.raises(Conflict, match="--broker volatile"):
        await choose("auto", "kafka", None, not_there)
    assert (await choose("volatile", "kafka", None, never_asked)).kind == "volatile"


async def test_kafka_that_was_asked_for_by_name_is_kafka_or_an_error() -> None:
    assert (await choose("kafka", "volatile", "ignored:1", there)).kind == "kafka"
    for remembered in (None, *get_args(Kind)):
        with pytest.raises(NoKafka, match="no Java"):
            await choose("kafka", remembered, None, not_there)


@pytest.mark.parametrize(
    ("printed", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_392"', 8),
        ('openjdk version "25" 2025-09-16', 25),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", None),
    ],
)
def test_the_major_version_of_java_is_read_from_what_it_prints(printed: str, major: int | None) -> None:
    assert java_major(printed) == major


def test_the_pom_names_the_version_that_the_code_names() -> None:
    assert f"<version>{KAFKA_VERSION}</version>" in POM.read_text(encoding="utf-8")


def test_cluster_ids_are_22_characters_and_never_look_like_an_option() -> None:
    for _ in range(200):
        made = new_cluster_id(os.urandom(16))
        assert len(made) == 22
        assert made.startswith("K")


def test_kafka_listens_on_loopback_alone() -> None:
    lines = server_properties(BrokerPlace(Path("/d"), 7310, 7311)).splitlines()
    assert "listeners=PLAINTEXT://127.0.0.1:7310,CONTROLLER://127.0.0.1:7311" in lines
    assert "auto.create.topics.enable=false" in lines
    assert "log.dirs=/d/kafka" in lines


async def start(
    data: Path, environment: Mapping[str, str], wanted: Wanted, said: list[str], remembered: Kind | None = None
) -> Broker:
    place = BrokerPlace(data, free_port(), free_port())
    launcher = Launcher(environment)
    return await start_broker(place, launcher, wanted=wanted, remembered=remembered, progress=said.append)


@pytest.mark.broker
async def test_the_volatile_broker_prints_its_notice_and_is_another_cluster_each_time(
    data: Path, environment: Mapping[str, str]
) -> None:
    clusters = []
    for _ in range(2):
        said: list[str] = []
        broker = await start(data, environment, "volatile", said)
        assert said == [NOTICE.format(reason="asked for with --broker volatile")]
        assert broker.kind == "volatile"
        clusters.append(broker.cluster_hint)
        await broker.stop()
        assert broker.child is not None
        assert broker.child.process.returncode == 0
    assert clusters[0] != clusters[1]
    assert all(cluster.startswith("kizashi-") for cluster in clusters)


@pytest.mark.broker
async def test_without_java_the_volatile_broker_runs_and_says_why(data: Path, environment: Mapping[str, str]) -> None:
    said: list[str] = []
    nothing = data.parent / "empty"
    nothing.mkdir()
    broker = await start(data, {**environment, "PATH": str(nothing)}, "auto", said)
    assert said == [NOTICE.format(reason="there is no Java on PATH")]
    await broker.stop()


@pytest.mark.broker
@pytest.mark.skipif(not HAS_JAVA_AND_MAVEN, reason="no Java and Maven here")
async def test_kafka_is_the_same_cluster_after_a_stop_and_after_a_kill(
    data: Path, environment: Mapping[str, str]
) -> None:
    clusters = []
    for kill in (False, True, False):
        broker = await start(data, environment, "kafka", [])
        clusters.append(broker.cluster_hint)
        assert broker.child is not None
        if kill:
            broker.child.kill()
            broker.child.process.wait()
        await broker.stop()
    assert len(set(clusters)) == 1


@pytest.mark.broker
async def test_an_external_broker_is_asked_and_left_running(data: Path, environment: Mapping[str, str]) -> None:
    ours = await start(data, environment, "volatile", [])
    found = await start(data, {**environment, BOOTSTRAP: ours.bootstrap}, "auto", [])
    assert (found.kind, found.cluster_hint, found.child) == ("external", ours.cluster_hint, None)
    await found.stop()
    host, _, port = ours.bootstrap.partition(":")
    assert await ask(host, int(port)) is not None
    await ours.stop()
    with pytest.raises(BrokerFailed, match="No broker answers"):
        await start(data, {**environment, BOOTSTRAP: ours.bootstrap}, "auto", [])


async def test_a_broker_that_dies_while_starting_is_an_error_with_its_log(tmp_path: Path) -> None:
    script = ["sh", "-c", "echo no space left; exit 1"]
    child = spawn("kafka", script, tmp_path / "log", environment={"PATH": os.defpath})
    with pytest.raises(KizashiError, match="no space left"):
        await wait_until_ready(child, free_port(), timedelta(seconds=20))
