"""The tiles that an on-call person trusts: each verdict from made-up series, judged by Prometheus's own evaluation."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import pytest
import yaml
from deploy.observability.grafana import verdicts
from deploy.observability.grafana.answers import substituted
from deploy.observability.grafana.verdicts import ABSENT, BROKEN, FINE, LIMPING, OFF

from tests.ops.dashboards_promql import STANDING_FOR
from tests.ops.tools import needed

AT: Final = "20m"
STEP: Final = "15s"
STILL, GROWING, FLOODING, NONE, ONE = "7x100", "0+10x100", "0+1000x100", "0x100", "1x100"

_ERRORS: Final = 'kizashi_db_errors_total{reason="timeout",service="ingest"}'
_ENDED: Final = 'kizashi_db_query_seconds_count{query="read",service="ingest"}'
_FAILED: Final = 'kizashi_produce_records_total{outcome="failed",service="ingest"}'
_ACKED: Final = 'kizashi_produce_records_total{outcome="acked",service="ingest"}'
_GOOD: Final = 'kizashi_sli_total{outcome="good",slo="ingest-availability"}'
_BAD: Final = 'kizashi_sli_total{outcome="bad",slo="ingest-availability"}'
_BROKEN: Final = 'kizashi_health_invariant_violations_total{invariant="sums"}'
_DUE: Final = 'kizashi_alerts_oldest_due_delivery_age_seconds{channel="webhook"}'
_SCORE, _ALERT = (f'kizashi_canary_last_success_timestamp_seconds{{leg="{leg}"}}' for leg in ("score", "alert"))


def _ready(service: str) -> str:
    return f'kizashi_ready{{service="{service}"}}'


def _age(service: str) -> str:
    return f'kizashi_consumer_oldest_unprocessed_age_seconds{{partition="1",service="{service}"}}'


def _stopped(service: str) -> str:
    return f'kizashi_consumer_partitions{{service="{service}",state="stopped"}}'


class Case(NamedTuple):
    """What Prometheus holds, and the verdict that must come of it."""

    question: str
    series: Mapping[str, str]
    wanted: int


_INGEST: Final = verdicts.door("ingest", "ingest-availability")
_OPEN: Final = {_ready("ingest"): ONE, _GOOD: FLOODING}
_HEALTHY: Final = {_ready("health"): ONE, _BROKEN: NONE}
_TELLING: Final = {_ready("alerts"): ONE, _DUE: NONE}

CASES: Final = {
    "PostgreSQL answers": Case(verdicts.postgresql(), {_ERRORS: NONE, _ENDED: GROWING}, FINE),
    "PostgreSQL errs now and then": Case(verdicts.postgresql(), {_ERRORS: GROWING, _ENDED: GROWING}, LIMPING),
    "PostgreSQL is frozen": Case(verdicts.postgresql(), {_ERRORS: NONE, _ENDED: STILL}, BROKEN),
    "PostgreSQL is away": Case(verdicts.postgresql(), {_ERRORS: GROWING, _ENDED: STILL}, BROKEN),
    "nobody tells of PostgreSQL": Case(verdicts.postgresql(), {}, ABSENT),
    "Kafka answers": Case(verdicts.kafka(), {_FAILED: NONE, _ACKED: GROWING}, FINE),
    "Kafka refuses some": Case(verdicts.kafka(), {_FAILED: GROWING, _ACKED: GROWING}, LIMPING),
    "Kafka is away": Case(verdicts.kafka(), {_FAILED: GROWING, _ACKED: STILL}, BROKEN),
    "nobody tells of Kafka": Case(verdicts.kafka(), {}, ABSENT),
    "a door answers": Case(_INGEST, {**_OPEN, _BAD: NONE}, FINE),
    "a door loses less than wakes anybody": Case(_INGEST, {**_OPEN, _BAD: GROWING}, FINE),
    "a door loses at a pace that wakes somebody": Case(_INGEST, {**_OPEN, _BAD: "0+20x100"}, LIMPING),
    "a door loses most": Case(_INGEST, {**_OPEN, _BAD: "0+2000x100"}, BROKEN),
    "a door is not ready": Case(_INGEST, {_ready("ingest"): NONE, _GOOD: STILL, _BAD: STILL}, BROKEN),
    "a door that nobody used is fine": Case(_INGEST, {_ready("ingest"): ONE, _GOOD: NONE, _BAD: NONE}, FINE),
    "a door is gone": Case(_INGEST, {}, ABSENT),
    "health keeps up": Case(verdicts.health(), {**_HEALTHY, _age("health"): "2x100"}, FINE),
    "health owns no partition": Case(verdicts.health(), _HEALTHY, FINE),
    "health is late": Case(verdicts.health(), {**_HEALTHY, _age("health"): "31x100"}, LIMPING),
    "health is stuck": Case(verdicts.health(), {**_HEALTHY, _age("health"): "301x100"}, BROKEN),
    "a partition stopped": Case(verdicts.health(), {**_HEALTHY, _stopped("health"): ONE}, BROKEN),
    "an invariant broke": Case(verdicts.health(), {**_HEALTHY, _BROKEN: "0x79 1x20"}, BROKEN),
    "only alerts is late": Case(verdicts.health(), {**_HEALTHY, _age("alerts"): "301x100"}, FINE),
    "alerts keeps up": Case(verdicts.alerts(), _TELLING, FINE),
    "notifications are a minute late": Case(verdicts.alerts(), {**_TELLING, _DUE: "61x100"}, LIMPING),
    "notifications stand still": Case(verdicts.alerts(), {**_TELLING, _DUE: "901x100"}, BROKEN),
    "the canary sings": Case(verdicts.canary(), {_SCORE: "1180x100", _ALERT: "1000x100"}, FINE),
    "the canary missed a round": Case(verdicts.canary(), {_SCORE: "1100x100", _ALERT: "1000x100"}, LIMPING),
    "no score for the canary": Case(verdicts.canary(), {_SCORE: "899x100", _ALERT: "1000x100"}, BROKEN),
    "no alert for the canary": Case(verdicts.canary(), {_SCORE: "1180x100", _ALERT: "299x100"}, BROKEN),
    "no canary": Case(verdicts.canary(), {}, OFF),
}


def _test(case: Case) -> dict[str, object]:
    asked = substituted(case.question, STANDING_FOR)
    expected = [{"labels": "{}", "value": case.wanted}]
    return {
        "interval": STEP,
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "promql_expr_test": [{"expr": asked, "eval_time": AT, "exp_samples": expected}],
    }


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What promtool says of all cases at once; silent about those that are as wanted."""
    return said_of(tmp_path_factory.mktemp("verdicts"), [_test(case) for case in CASES.values()])


def said_of(folder: Path, tests: list[dict[str, object]]) -> str:
    """The complaints of `promtool test rules`. Raises: AssertionError when it could not judge at all."""
    file = folder / "verdicts.yaml"
    file.write_text(yaml.safe_dump({"evaluation_interval": STEP, "tests": tests}))
    done = subprocess.run([needed("promtool"), "test", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "got:" in done.stderr + done.stdout, done.stderr
    return "" if done.returncode == 0 else done.stderr + done.stdout


def test_every_verdict_is_as_wanted(judged: str) -> None:
    assert judged == ""


def test_a_wrong_verdict_is_found(tmp_path: Path) -> None:
    wrong = CASES["Kafka is away"]._replace(wanted=FINE)
    assert "got:" in said_of(tmp_path, [_test(wrong)])


def test_a_service_that_is_alone_gone_is_absent_and_not_fine() -> None:
    for service in ("health", "alerts"):
        assert f"vector({ABSENT})" in verdicts.consumer(service)
