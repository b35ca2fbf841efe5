"""All four services are composed in a fresh process and scraped once: every series of a closed label is there."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import product
from typing import Final

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from scripts import metrics_page
from scripts.sizes import ROOT

from kizashi_common.contracts.topics import ALERTS, EVENTS, QUARANTINE, SCORES, UNATTRIBUTED
from kizashi_common.telemetry.catalogue import Described
from tests.architecture import first_scrape

MOST_SERIES: Final = 3_000
CATALOGUE: Final = {metric.name: metric for group in metrics_page.catalogue() for metric in group.metrics}
FOUR: Final = tuple({"service": service} for service in first_scrape.SERVICES)
CONSUMERS: Final = ({"service": "health", "topic": EVENTS.name}, {"service": "alerts", "topic": SCORES.name})
PRODUCERS: Final = (
    *({"service": "ingest", "topic": topic.name} for topic in (EVENTS, UNATTRIBUTED, QUARANTINE)),
    {"service": "health", "topic": SCORES.name},
    {"service": "alerts", "topic": ALERTS.name},
)
LATER: Final = {
    "kizashi_consumer_records_total": "exists for partitions that are assigned",
    "kizashi_consumer_lag_records": "exists for partitions that are assigned",
    "kizashi_consumer_oldest_unprocessed_age_seconds": "exists for partitions that are assigned",
    "kizashi_health_complete_age_seconds": "exists for partitions that are assigned and proved",
    "kizashi_db_query_seconds": "exists for statements that were made",
    "kizashi_http_requests_total": "exists for answers that were given",
    "kizashi_http_request_duration_seconds": "exists for answers that were given",
}
"""What cannot exist before it happens, and why."""
ELSEWHERE: Final = "kizashi_canary_"
"""The canary is a process of its own."""
NOW: Final = [one for one in CATALOGUE.values() if one.name not in LATER and not one.name.startswith(ELSEWHERE)]

Series = dict[str, set[tuple[tuple[str, str], ...]]]


@pytest.fixture(scope="module")
def scraped() -> Series:
    done = subprocess.run(
        [sys.executable, "-m", first_scrape.__name__], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    return series_of(done.stdout)


def series_of(exposition: str) -> Series:
    """The label sets of each metric; of a histogram those without `le`."""
    found: Series = defaultdict(set)
    for family in text_string_to_metric_families(exposition):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        for sample in family.samples:
            found[name].add(tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le")))
    return found


def missing(metric: Described, found: Series, given: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """The series that should exist and do not: of all closed values, for each set of the open ones."""
    closed = [[(label, value) for value in metric.values[label]] for label in metric.values]
    wanted = [{**opened, **dict(combination)} for opened in given for combination in product(*closed)]
    return [labels for labels in wanted if tuple(sorted(labels.items())) not in found[metric.name]]


def _open_sets(metric: Described, found: Series) -> list[Mapping[str, str]]:
    """What its open labels are known to be: from the wiring where that tells, else as they were met."""
    opened = tuple(label for label in metric.labels if label not in metric.values)
    if not opened:
        return [{}]
    if metric.name.startswith("kizashi_consumer_"):
        return [{label: one[label] for label in opened} for one in CONSUMERS]
    if metric.name.startswith("kizashi_produce_"):
        return [{label: one[label] for label in opened} for one in PRODUCERS]
    if metric.name.startswith("kizashi_outbox_"):
        return [{"service": service} for service in ("health", "alerts")]
    if opened == ("service",):
        return list(FOUR)
    return [{label: dict(labels)[label] for label in opened} for labels in found[metric.name]]


def test_what_comes_later_is_in_the_catalogue() -> None:
    assert set(LATER) <= set(CATALOGUE)
    assert len(NOW) > 60


@pytest.mark.parametrize("metric", NOW, ids=lambda metric: metric.name)
def test_every_series_that_can_be_named_exists_at_the_first_scrape(metric: Described, scraped: Series) -> None:
    assert scraped[metric.name], "a metric without a series tells nothing"
    assert missing(metric, scraped, _open_sets(metric, scraped)) == []


def test_a_series_that_is_left_out_is_missed(scraped: Series) -> None:
    metric = CATALOGUE["kizashi_db_errors_total"]
    planted = {**scraped, metric.name: {one for one in scraped[metric.name] if ("reason", "deadlock") not in one}}
    assert missing(metric, planted, FOUR) == [{**service, "reason": "deadlock"} for service in FOUR]


def test_four_services_begin_with_room_for_what_is_to_come(scraped: Series) -> None:
    sizes = {name: len(CATALOGUE[name].buckets) + 3 if name in CATALOGUE else 1 for name in scraped}
    histograms = {name for name, metric in CATALOGUE.items() if metric.kind == "histogram"}
    series = sum(len(found) * (sizes[name] if name in histograms else 1) for name, found in scraped.items())
    assert series < MOST_SERIES / 2
