"""A real Apache Kafka in one process: broker and controller, on the loopback address, over the data directory.

Source: OPERATIONS.md 1.3.
"""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

from kizashi_local.broker.broker import Broker, BrokerFailed, BrokerPlace
from kizashi_local.broker.ready import wait_until_ready
from kizashi_local.children import Launcher
from kizashi_local.files import write_whole

READY_WITHIN: Final = timedelta(seconds=60)


def server_properties(place: BrokerPlace) -> str:
    """The broker's settings for these ports.

    The voter is static: its port may change between starts, a stored voter's may not. One node does not fsync each
    record, so a power cut may cost the last moments; a killed process costs nothing. The short session is for the start
    after a kill: until it is over, the controller takes the new process for a second broker with the same id.
    """
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{place.controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{place.port},CONTROLLER://127.0.0.1:{place.controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{place.port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(place.data / "kafka"),
        "auto.create.topics.enable": "false",
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "8",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        "log.cleaner.dedupe.buffer.size": "16777216",
        "broker.heartbeat.interval.ms": "500",
        "broker.session.timeout.ms": "3000",
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


async def start_kafka(place: BrokerPlace, jars: Path, launcher: Launcher) -> Broker:
    """A Kafka that answers, over `<data>/kafka`, formatted when that is new.

    Raises: BrokerFailed or ChildDied when it does not come up.
    """
    properties = place.data / "kafka-server.properties"
    write_whole(properties, server_properties(place))
    java = ["java", "-cp", f"{jars}/*"]
    if not (place.data / "kafka" / "meta.properties").exists():
        await asyncio.to_thread(_format, java, properties, launcher.environment)
    command: list[str | Path] = [
        "java", "-Xms256m", "-Xmx512m", "-Dorg.apache.logging.log4j.level=WARN", *java[1:], "kafka.Kafka", properties,
    ]  # fmt: skip
    child = launcher.spawn("kafka", command, place.data / "log" / "kafka.log")
    answer = await wait_until_ready(child, place.port, READY_WITHIN)
    return Broker("kafka", f"127.0.0.1:{place.port}", answer.cluster_id, child)


def _format(java: list[str], properties: Path, environment: Mapping[str, str]) -> None:
    command: list[str | Path] = [
        *java, "kafka.tools.StorageTool", "format", "-t", new_cluster_id(os.urandom(16)), "-c", properties,
        "--ignore-formatted",
    ]  # fmt: skip
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(environment), timeout=60)
    except subprocess.TimeoutExpired:
        raise BrokerFailed("Formatting Kafka's folder took more than a minute.") from None
    if answer.returncode != 0:
        raise BrokerFailed(f"Kafka's folder could not be formatted: {(answer.stdout + answer.stderr).strip()[-500:]}")


def new_cluster_id(chance: bytes) -> str:
    """A cluster id as Kafka makes them: 16 bytes as URL-safe base64; no dash in front, it is a command's argument."""
    text = base64.urlsafe_b64encode(chance[:16]).decode("ascii").rstrip("=")
    return "K" + text[1:]
