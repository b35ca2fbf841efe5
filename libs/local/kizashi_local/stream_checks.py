"""What `kizashi doctor` asks of the streams: are the topics as planned, does anything lag or stand still, how far is
the input proved whole.

Source: OPERATIONS.md 1.6.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from kizashi_common.bus.kafka import ensure_topics
from kizashi_common.bus.kafka_settings import KafkaSettings
from kizashi_common.bus.topic_plan import LOCAL
from kizashi_common.contracts.topics import TOPICS
from kizashi_common.errors import Busy, Invalid
from kizashi_local.checks import Line

STALE_AFTER: Final = timedelta(minutes=5)
LATE_AFTER: Final = timedelta(minutes=1)
_LOOK: Final = "Look at log/kizashi.log"


async def topics(bootstrap: str) -> Line:
    """Every topic is there, with its partitions and its settings."""
    try:
        await ensure_topics(KafkaSettings(bootstrap, "kizashi-doctor"), TOPICS, LOCAL, manage=False)
    except Busy as error:
        return Line("topics", "fault", error.detail, "Look at log/kafka.log or log/broker.log; start again.")
    except Invalid as error:
        advice = "What is missing the next start makes; settings: kafka-configs.sh. A partition count is for life."
        return Line("topics", "fault", "; ".join(f"{at.pointer}: {at.detail}" for at in error.faults), advice)
    return Line("topics", "ok", f"{len(TOPICS)}, with the planned partitions and settings")


Samples = Mapping[str, Sequence[Sample]]
"""What was exposed, by the metric's name."""


def consumers(exposition: str) -> list[Line]:
    """How much waits to be taken, and partitions that stopped, of every service; from what they expose as metrics."""
    exposed = {family.name: family.samples for family in text_string_to_metric_families(exposition)}
    return [_lag(exposed), _stopped(exposed)]


def _lag(exposed: Samples) -> Line:
    records, oldest = defaultdict[str, float](float), defaultdict[str, float](float)
    for sample in exposed.get("kizashi_consumer_lag_records", ()):
        records[sample.labels["service"]] += sample.value
    for sample in exposed.get("kizashi_consumer_oldest_unprocessed_age_seconds", ()):
        service = sample.labels["service"]
        oldest[service] = max(oldest[service], sample.value)
    if not records:
        return Line("lag", "warning", "no service takes from a topic yet", f"Wait a little. {_LOOK} if it stays so.")
    found = ", ".join(f"{name} {count:.0f} records, the oldest {oldest[name]:.0f} s" for name, count in records.items())
    if max(oldest.values(), default=0) > LATE_AFTER.total_seconds():
        return Line("lag", "warning", found, f"They catch up by themselves. {_LOOK} if it grows.")
    return Line("lag", "ok", found)


def _stopped(exposed: Samples) -> Line:
    partitions = exposed.get("kizashi_consumer_partitions", ())
    stopped = [one for one in partitions if one.labels["state"] == "stopped" and one.value]
    if stopped:
        found = ", ".join(f"{one.value:.0f} of {one.labels['service']}" for one in stopped)
        advice = "They wait for a person: docs/runbooks/KizashiPartitionStopped.md says how to go on."
        return Line("stopped", "fault", f"partitions: {found}", advice)
    return Line("stopped", "ok", "no partition")


async def completeness(connection: Any, now: datetime) -> Line:
    """How far the input of each partition is proved whole, those by name that lag or that nobody ever took."""
    rows = await connection.fetch("SELECT partition, complete_through AS through FROM read.partition ORDER BY 1")
    behind = [
        f"{row['partition']} ({'never' if row['through'] is None else now - row['through']})"
        for row in rows
        if row["through"] is None or now - row["through"] > STALE_AFTER
    ]
    if behind:
        advice = f"Silence is not believed beyond that time. {_LOOK} for what stopped ingest or health."
        return Line("completeness", "warning", f"behind: {', '.join(behind)}", advice)
    return Line("completeness", "ok", f"{len(rows)} partitions are whole up to the last {STALE_AFTER}")
