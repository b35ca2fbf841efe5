"""Topics are made as planned; copies belong to the broker, counts to the mode; what drifted is named."""

from __future__ import annotations

import pytest

from kizashi_common.bus.topic_plan import LOCAL, Found, TopicPlan, count_faults, drift_faults
from kizashi_common.contracts.topics import EVENTS, TOPICS

PRODUCTION = TopicPlan()
ONE_BROKER = TopicPlan(replication=1)


def as_planned(plan: TopicPlan) -> dict[str, Found]:
    return {topic.name: Found(plan.count(topic), plan.replication, plan.config(topic)) for topic in TOPICS}


@pytest.mark.parametrize(
    ("plan", "partitions", "in_sync"), [(PRODUCTION, 24, 2), (ONE_BROKER, 24, 1), (LOCAL, 8, 1)], ids=str
)
def test_counts_and_copies_are_chosen_apart(plan: TopicPlan, partitions: int, in_sync: int) -> None:
    assert plan.count(EVENTS) == partitions
    assert plan.config(EVENTS)["min.insync.replicas"] == str(in_sync)


def test_what_is_as_planned_has_no_fault() -> None:
    there = as_planned(PRODUCTION)
    assert [*count_faults(PRODUCTION, TOPICS, there), *drift_faults(PRODUCTION, TOPICS, there)] == []


def test_missing_topics_and_other_counts_are_all_named() -> None:
    there = as_planned(PRODUCTION) | {EVENTS.name: Found(8, 3)}
    del there[TOPICS[1].name]
    assert [(fault.pointer, fault.code) for fault in count_faults(PRODUCTION, TOPICS, there)] == [
        (EVENTS.name, "partition_count"),
        (TOPICS[1].name, "missing"),
    ]


def test_fewer_copies_and_other_settings_are_named() -> None:
    config = PRODUCTION.config(EVENTS) | {"retention.ms": "1000"}
    there = as_planned(PRODUCTION) | {EVENTS.name: Found(24, 1, config)}
    assert [(fault.code, fault.detail) for fault in drift_faults(PRODUCTION, TOPICS, there)] == [
        ("replication", "it has 1 copies of each record: 3 are wanted"),
        ("config", "retention.ms is 1000, not 1209600000"),
    ]
