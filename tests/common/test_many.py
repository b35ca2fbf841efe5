"""Many observations at once leave a histogram as one by one would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from kizashi_common.telemetry.many import observe_many
from kizashi_common.telemetry.metrics import F


def a_histogram() -> Histogram:
    return Histogram("seconds", "Some", buckets=F, registry=CollectorRegistry())


def told(histogram: Histogram) -> dict[tuple[str, str], float]:
    samples = next(iter(histogram.collect())).samples
    return {(sample.name, sample.labels.get("le", "")): round(sample.value, 6) for sample in samples}


@given(st.lists(st.one_of(st.sampled_from(F), st.floats(0, 10_000, allow_nan=False))))
def test_a_batch_equals_its_observations(values: list[float]) -> None:
    one_by_one, at_once = a_histogram(), a_histogram()
    for value in values:
        one_by_one.observe(value)
    observe_many(at_once, values)
    assert told(at_once) == told(one_by_one)


def test_an_exemplar_goes_with_the_largest() -> None:
    histogram = a_histogram()
    observe_many(histogram, [0.1, 40.0, 3.0], {"trace_id": "a1"})
    samples = next(iter(histogram.collect())).samples
    tagged = {sample.labels["le"]: sample.exemplar for sample in samples if sample.exemplar is not None}
    assert {bound: (found.labels, found.value) for bound, found in tagged.items()} == {"60.0": ({"trace_id": "a1"}, 40)}
    assert told(histogram)["seconds_count", ""] == 3
