"""A committed flush as metrics: every live event is judged once, imported ones never, and sweeps have a length."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.registry import REGISTRY

from kizashi_common.stream.shapes import Claim, Counts, Phases
from kizashi_health.application.measuring import FRESH, FlushMeter
from kizashi_health.engine.flush import Flush
from kizashi_health.engine.noted import Noted
from tests.builders import NOON
from tests.twins.clock import SetClock

PHASES = Phases(0.01, 0.02, 0.03)


def a_claim(slot: int = 1000) -> Claim:
    return Claim(slot, 0, 8, "t", 1, 0, 0, 0, 0, None, 1, 0, None, None, None, fresh=False)


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"kizashi_{name}", labels) or 0.0


def judged() -> tuple[float, float]:
    good, bad = (value("sli_total", slo="freshness", outcome=outcome) for outcome in ("good", "bad"))
    return good, bad


@given(st.lists(st.floats(0, 100)), st.lists(st.floats(0, 100)))
def test_every_live_event_is_judged_once_and_every_event_is_timed(live: list[float], imported: list[float]) -> None:
    before, timed = judged(), value("health_event_to_score_seconds_count")
    noted = Noted(
        received=[NOON - timedelta(seconds=age) for age in live],
        appended=[NOON - timedelta(seconds=age) for age in imported],
    )
    FlushMeter(SetClock(NOON))(a_claim(), Flush(noted=noted), PHASES)
    after = judged()
    late = sum((timedelta(seconds=age)).total_seconds() > FRESH for age in live)
    assert (after[0] - before[0], after[1] - before[1]) == (len(live) - late, late)
    assert value("health_event_to_score_seconds_count") - timed == len(live) + len(imported)


def test_a_receipt_in_the_future_is_fresh_and_took_no_time() -> None:
    before, took = judged(), value("health_event_to_score_seconds_sum")
    FlushMeter(SetClock(NOON))(a_claim(), Flush(noted=Noted(received=[NOON + timedelta(seconds=5)])), PHASES)
    assert (judged()[0] - before[0], value("health_event_to_score_seconds_sum")) == (1, took)


def test_phases_rows_scores_and_late_events_are_told() -> None:
    names = (
        ("health_flush_seconds_sum", {"phase": "commit"}),
        ("health_flush_rows_sum", {"table": "dedupe"}),
        ("health_scores_computed_total", {"reason": "event"}),
        ("health_scores_published_total", {"reason": "fact"}),
        ("health_band_changes_total", {"from": "none", "to": "risk"}),
        ("health_late_events_total", {"handling": "applied"}),
        ("health_late_events_total", {"handling": "parked"}),
    )
    before = [value(name, **labels) for name, labels in names]
    noted = Noted(received=[NOON], late=1, computed=Counter(event=3), published=Counter(fact=2))
    noted.band_changes[None, "risk"] += 4
    FlushMeter(SetClock(NOON))(a_claim(), Flush(Counts(applied=1, parked=5), ids={1: bytes(32)}, noted=noted), PHASES)
    moved = [value(name, **labels) - was for (name, labels), was in zip(names, before, strict=True)]
    assert moved == pytest.approx([0.03, 2, 3, 2, 4, 1, 5])


def test_a_sweep_lasts_from_the_flush_before_it_to_the_one_that_ends_it() -> None:
    before = value("health_sweep_seconds_count")
    meter = FlushMeter(SetClock(NOON))
    meter(a_claim(), Flush(noted=Noted(sweeping=(7,))), PHASES)
    meter(a_claim(), Flush(noted=Noted(sweeping=(7,))), PHASES)
    assert value("health_sweep_seconds_count") == before
    meter(a_claim(), Flush(noted=Noted(swept=[7, 8])), PHASES)
    assert value("health_sweep_seconds_count") == before + 2
