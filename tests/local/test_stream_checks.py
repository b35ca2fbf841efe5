"""What `kizashi doctor` says of lag, of partitions that stopped, and of how far the input is whole."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from kizashi_local.checks import Line
from kizashi_local.stream_checks import completeness, consumers
from tests.conftest import START, Databases


def said(*, records: int = 0, age_s: float = 0, stopped: int = 0) -> list[Line]:
    registry = CollectorRegistry()
    partition = ("service", "topic", "partition")
    lag = Gauge("kizashi_consumer_lag_records", "", partition, registry=registry)
    age = Gauge("kizashi_consumer_oldest_unprocessed_age_seconds", "", partition, registry=registry)
    states = Gauge("kizashi_consumer_partitions", "", ("service", "topic", "state"), registry=registry)
    for number in range(3):
        lag.labels("health", "events", number).set(records)
        age.labels("health", "events", number).set(age_s if number == 1 else 0)
        lag.labels("alerts", "scores", number).set(0)
    states.labels("health", "events", "live").set(3 - stopped)
    states.labels("health", "events", "stopped").set(stopped)
    return consumers(generate_latest(registry).decode())


def test_lag_is_told_and_is_a_warning_only_when_it_is_old() -> None:
    lag, stopped = said(records=40, age_s=9)
    assert (lag.level, stopped.level) == ("ok", "ok")
    assert lag.found == "health 120 records, the oldest 9 s, alerts 0 records, the oldest 0 s"
    assert said(records=40, age_s=61)[0].level == "warning"


def test_a_partition_that_stopped_is_a_fault_with_its_runbook() -> None:
    line = said(stopped=2)[1]
    assert (line.level, line.found) == ("fault", "partitions: 2 of health")
    assert "runbooks/KizashiPartitionStopped.md" in line.advice


def test_nobody_who_takes_from_a_topic_is_a_warning() -> None:
    lag, stopped = consumers("")
    assert (lag.level, stopped.level) == ("warning", "ok")


async def test_whole_is_what_is_proved_in_every_partition_also_in_those_that_nobody_took(databases: Databases) -> None:
    connection = await asyncpg.connect(databases.owner_url)
    await connection.execute("UPDATE health.build SET partitions = 3")
    for partition, through in enumerate((START, START - timedelta(minutes=6))):
        await connection.execute(
            "INSERT INTO health.consumer_slot (slot, topic, part, partitions, complete_through)"
            " VALUES ($1, 'kizashi.events.v1', $2, 3, $3)",
            1000 + partition,
            partition,
            through,
        )
    found = await completeness(connection, START + timedelta(seconds=5))
    assert (found.level, found.found) == ("warning", "behind: 1 (0:06:05), 2 (never)")
    await connection.execute("UPDATE health.build SET partitions = 2")
    assert (await completeness(connection, START - timedelta(minutes=2))).level == "ok"
    await connection.close()
