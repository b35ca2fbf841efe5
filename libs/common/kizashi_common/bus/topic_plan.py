"""What topics shall look like on this installation's broker, and what is wrong with those that are there.

Partition counts hold for life and belong to the mode (local mode has fewer); replicas belong to the broker, which may
be one machine. The two are chosen apart.

Source: OPERATIONS.md 0, "Topics".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from kizashi_common.contracts.topics import CONFIG, Topic
from kizashi_common.errors import Fault


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """How many copies each record has, and whether partitions are counted as in local mode."""

    replication: int = 3
    local: bool = False

    @property
    def in_sync(self) -> int:
        """So many copies must have a record before it is acknowledged: one may be away, if there is more than one."""
        return max(1, self.replication - 1)

    def count(self, topic: Topic) -> int:
        """How many partitions the topic has."""
        return topic.count(local=self.local)

    def config(self, topic: Topic) -> dict[str, str]:
        """The topic's settings, as the broker writes them."""
        return {
            **CONFIG,
            "retention.ms": str(topic.retention // timedelta(milliseconds=1)),
            "min.insync.replicas": str(self.in_sync),
        }


LOCAL = TopicPlan(replication=1, local=True)
"""One broker on one machine, for trying and for tests."""


@dataclass(frozen=True, slots=True)
class Found:
    """A topic as the broker has it: partitions, copies of the worst of them, settings as far as they were asked for."""

    partitions: int
    replicas: int
    config: Mapping[str, str] = field(default_factory=dict)


def count_faults(plan: TopicPlan, topics: Iterable[Topic], found: Mapping[str, Found]) -> Iterator[Fault]:
    """Topics that are not there, or with another count than theirs, which is for life."""
    for topic in topics:
        there = found.get(topic.name)
        if there is None:
            yield Fault(topic.name, "missing", "the broker has no such topic")
        elif there.partitions != plan.count(topic):
            yield Fault(
                topic.name,
                "partition_count",
                f"it has {there.partitions} partitions, not {plan.count(topic)}; a count is for life",
            )


def drift_faults(plan: TopicPlan, topics: Iterable[Topic], found: Mapping[str, Found]) -> Iterator[Fault]:
    """Topics with fewer copies than planned, or with other settings."""
    for topic in topics:
        there = found.get(topic.name)
        if there is None:
            continue
        if there.replicas < plan.replication:
            yield Fault(
                topic.name,
                "replication",
                f"it has {there.replicas} copies of each record: {plan.replication} are wanted",
            )
        for name, wanted in plan.config(topic).items():
            has = there.config.get(name)
            if has != wanted:
                yield Fault(topic.name, "config", f"{name} is {has}, not {wanted}")
