"""What a drill demands is demanded: each way to fall short of it is found, and every page has its drill."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from tests.drills.drill import Drill, Seen
from tests.drills.faults import names, nothing
from tests.drills.ledger import Verdict
from tests.drills.onlooker import Alert
from tests.drills.pace import SCALED
from tests.drills.report import page, record
from tests.drills.table import DRILLS
from tests.ops.prometheus import RULES

DOWN = "KizashiKafkaDown"
DRILL = Drill(
    "d", "the broker is frozen", nothing, nothing, names(("KafkaDown",)), 60, consequences=names(("OutboxOld",))
)
EXACT = Verdict(100, 0, 0, ())
AS_IT_MUST = Seen(
    DRILL,
    {DOWN: 12.0},
    paged=True,
    others=frozenset((Alert(DOWN, "kafka", "page"), Alert("KizashiOutboxOld", "health", "ticket"))),
    over_after=3.0,
    looks=5,
    verdict=EXACT,
)


def test_a_drill_that_went_as_it_must_has_no_fault() -> None:
    assert AS_IT_MUST.faults() == []


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ({"seconds": {DOWN: None}}, "was not seen"),
        ({"paged": False}, "pager was not told"),
        ({"others": frozenset((Alert("KizashiInvariantBroken", "health", "page"),))}, "fired as well"),
        ({"before": frozenset((Alert("KizashiLagGrowing", "health", "ticket"),))}, "before the fault"),
        ({"over_after": None}, "long after the fault"),
        ({"looks": 0}, "nobody looked"),
        ({"died": ("ingest",)}, "ingest ended by itself"),
        ({"broken": ("I1: slot 1 saw 2 offsets and decided 3",)}, "while the fault lasted: I1"),
        ({"drill": replace(DRILL, tampers=True)}, "looked whole while it was not"),
        ({"verdict": None}, "nobody looked"),
        ({"verdict": Verdict(100, 1, 0, ())}, "1 lost"),
        ({"verdict": Verdict(100, 0, 2, ())}, "2 doubled"),
        ({"verdict": Verdict(100, 0, 0, ("I2: slot 1000 counted an id twice",))}, "I2"),
    ],
)
def test_every_way_to_fall_short_is_found(planted: dict[str, Any], found: str) -> None:
    (said,) = replace(AS_IT_MUST, **planted).faults()
    assert found in said


def test_the_absence_of_another_service_is_another_alert() -> None:
    drill = replace(DRILL, pages=frozenset(("KizashiServiceAbsent",)), about="health")
    seen = replace(AS_IT_MUST, drill=drill, others=frozenset((Alert("KizashiServiceAbsent", "alerts", "page"),)))
    assert [said for said in seen.faults() if "fired as well" in said]


def test_a_ledger_that_is_away_with_the_fault_cannot_be_looked_at() -> None:
    assert replace(AS_IT_MUST, looks=0, drill=replace(DRILL, blind=True)).faults() == []


def test_who_does_not_wait_for_the_end_of_alerts_does_not_miss_it() -> None:
    assert replace(AS_IT_MUST, over_after=None, awaited=False).faults() == []


def test_the_ticket_of_a_burn_is_no_surprise_and_not_waited_for() -> None:
    drill = replace(DRILL, pages=frozenset(("KizashiFreshnessBurn",)))
    ticket = Alert("KizashiFreshnessBurn", "health", "ticket")
    assert drill.expects(ticket)
    assert not drill.wants(ticket)
    assert drill.wants(ticket._replace(severity="page"))


def test_a_plant_that_is_spoilt_is_not_asked_for_more_than_its_alerts() -> None:
    spoilt = replace(AS_IT_MUST, drill=replace(DRILL, spoils=True), over_after=None, verdict=None, looks=0)
    assert spoilt.faults() == []
    assert "not judged" in page([spoilt], SCALED)


def test_the_table_has_a_line_for_each_drill_and_says_its_pace() -> None:
    text = page([AS_IT_MUST], SCALED)
    assert "divided by 10" in text
    assert "| the broker is frozen | KizashiKafkaDown | 12.0 s | KizashiOutboxOld (health, ticket) |" in text
    assert record(AS_IT_MUST)["faults"] == []


def test_every_alert_that_wakes_somebody_has_a_drill() -> None:
    rules = [
        rule
        for file in sorted(RULES.glob("*.yaml"))
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
    ]
    waking = {rule["alert"] for rule in rules if rule.get("labels", {}).get("severity") == "page"}
    drilled = {name for drill in DRILLS for name in drill.pages}
    assert waking <= drilled, f"no drill: {sorted(waking - drilled)}"
    known = {rule["alert"] for rule in rules if "alert" in rule}
    named = drilled | {name for drill in DRILLS for name in drill.consequences}
    assert named <= known, f"there are no such alerts: {sorted(named - known)}"


def test_every_process_is_stopped_frozen_and_killed() -> None:
    wanted = {
        f"{what} {how}"
        for what in ("broker", "postgres", "ingest", "health", "alerts", "gateway")
        for how in ("stopped", "frozen", "killed")
    }
    assert wanted <= {drill.name for drill in DRILLS}
    assert len({drill.name for drill in DRILLS}) == len(DRILLS)
    assert 3 <= sum(drill.quick for drill in DRILLS) <= 4
