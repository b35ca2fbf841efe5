"""The rules in another pace: spans of time are divided, and nothing else is changed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.drills.pace import REAL, SCALED, Pace, seconds_of
from tests.ops.prometheus import RULES


@pytest.mark.parametrize(
    ("real", "scaled"),
    [
        ("sum(increase(a_total[5m])) == 0", "sum(increase(a_total[30000ms])) == 0"),
        ("avg_over_time((w > bool 120)[5m:30s])", "avg_over_time((w > bool 120)[30000ms:3000ms])"),
        ("max(kizashi_x_age_seconds) > 300", "max(kizashi_x_age_seconds) > 30"),
        ("max(kizashi_x_age_seconds) > bool 120", "max(kizashi_x_age_seconds) > bool 12"),
        ('time() - k_timestamp_seconds{leg="score"} > 300', 'time() - k_timestamp_seconds{leg="score"} > 30'),
        ("lag > 100000 and delta(lag[15m]) > 0", "lag > 100000 and delta(lag[90000ms]) > 0"),
        ("sum(increase(n[1h])) >= 50", "sum(increase(n[360000ms])) >= 50"),
        ("a offset 1d > 5 * a offset 1w", "a offset 8640000ms > 5 * a offset 60480000ms"),
        ("slo:x:error_ratio_rate1h > 0.0144", "slo:x:error_ratio_rate1h > 0.0144"),
    ],
)
def test_only_spans_of_time_are_divided(real: str, scaled: str) -> None:
    assert SCALED.expression(real) == scaled


def test_a_span_of_several_units_is_read_whole() -> None:
    assert seconds_of("1h30m") == 5_400
    assert seconds_of("250ms") == 0.25


def test_every_shipped_rule_keeps_its_name_labels_and_annotations(tmp_path: Path) -> None:
    folder = SCALED.rules(RULES, tmp_path / "rules")
    files = sorted(RULES.glob("*.yaml"))
    assert [file.name for file in files] == sorted(file.name for file in folder.glob("*.yaml"))
    for file in files:
        real, scaled = (yaml.safe_load(path.read_text())["groups"] for path in (file, folder / file.name))
        for before, after in zip(_rules(real), _rules(scaled), strict=True):
            kept = [
                {name: rule.get(name) for name in ("alert", "record", "labels", "annotations")}
                for rule in (before, after)
            ]
            assert kept[0] == kept[1]
            if "for" in before:
                assert seconds_of(after["for"]) == pytest.approx(seconds_of(before["for"]) / 10, abs=0.001)


def _rules(groups: list[dict[str, list[dict[str, str]]]]) -> list[dict[str, str]]:
    return [rule for group in groups for rule in group["rules"]]


def test_the_real_pace_loads_the_shipped_files_themselves(tmp_path: Path) -> None:
    assert REAL.rules(RULES, tmp_path) == RULES
    assert REAL.settings()["KIZASHI_HEARTBEAT_SECONDS"] == "30"


def test_the_services_keep_step_with_the_rules() -> None:
    assert SCALED.settings()["KIZASHI_HEARTBEAT_SECONDS"] == "3"
    assert Pace(1).scrape == "15000ms"
    assert SCALED.scrape == "1500ms"
