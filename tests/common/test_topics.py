"""The table of topics is what OPERATIONS.md 0 says; its partition counts are for life, so this test may not change."""

from __future__ import annotations

from datetime import timedelta

from kizashi_common.contracts import topics


def test_the_partition_counts_are_for_life() -> None:
    assert {topic.name: (topic.count(local=False), topic.count(local=True)) for topic in topics.TOPICS} == {
        "kizashi.events.v1": (24, 8),
        "kizashi.unattributed.v1": (24, 8),
        "kizashi.quarantine.v1": (6, 4),
        "kizashi.scores.v1": (24, 8),
        "kizashi.alerts.v1": (12, 4),
    }


def test_every_topic_is_kept_for_two_weeks_and_written_by_one_service() -> None:
    assert {topic.retention for topic in topics.TOPICS} == {timedelta(days=14)}
    assert {topic.producer for topic in topics.TOPICS} == {"ingest", "health", "alerts"}


def test_a_value_that_we_let_pass_fits_into_a_batch_of_the_broker() -> None:
    assert topics.MAX_VALUE_BYTES < topics.MAX_MESSAGE_BYTES == int(topics.CONFIG["max.message.bytes"])


def test_the_broker_stamps_the_records() -> None:
    assert topics.CONFIG["message.timestamp.type"] == "LogAppendTime"
