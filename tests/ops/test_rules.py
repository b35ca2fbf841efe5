"""Each alert fires when it must, not when it need not, and says what it must. Two faults are planted in every rule."""

from __future__ import annotations

import re
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from deploy.observability.generate import __main__ as generator
from deploy.observability.generate.links import DASHBOARDS, dashboard_url, runbook_url
from deploy.observability.generate.slo import read, seconds
from prometheus_client import REGISTRY

from tests.ops.prometheus import OBSERVABILITY
from tests.ops.promtool import (
    PROMETHEUS,
    RULE_FILES,
    TEST_FILES,
    alert_names,
    alerts,
    loaded,
    promtool,
    rules,
    with_changed_rules,
)

BY_HAND: Final = [path for path in TEST_FILES if not path.read_text().startswith(generator.HEAD)]
ANNOTATIONS: Final = {"summary", "description", "dashboard_url", "runbook_url"}
SERVICES: Final = {"ingest", "health", "alerts", "gateway", "canary", "kafka", "postgres", "platform", "monitoring"}
METRICS: Final = (
    "kizashi_common.telemetry.metrics", "kizashi_ingest.metrics", "kizashi_health.metrics", "kizashi_alerts.metrics",
    "kizashi_gateway.metrics", "kizashi_cli.canary.metrics",
)  # fmt: skip


def test_what_is_generated_is_what_the_objectives_say() -> None:
    assert generator.main(["--check"]) == 0


def test_a_generated_file_that_was_edited_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = tmp_path / "observability"
    shutil.copytree(PROMETHEUS, here / "prometheus")
    shutil.copy(OBSERVABILITY / "slo.yaml", here)
    burn = here / "prometheus" / "rules" / "slo-burn.yaml"
    burn.write_text(burn.read_text().replace("> 0.0144", "> 0.144", 1))
    assert generator.main(["--check"], here) == 1
    assert "slo-burn.yaml" in capsys.readouterr().err
    assert generator.main([], here) == 0
    assert burn.read_text() == (PROMETHEUS / "rules" / "slo-burn.yaml").read_text()


@pytest.mark.parametrize(
    ("old", "new"),
    [("objective: 99.9", "objective: 100"), ("short: 5m", "short: 2h"), ("long: 1h", "long: 1h5m"), ("good:", "goof:")],
)
def test_objectives_that_make_no_sense_are_refused(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "slo.yaml"
    path.write_text((OBSERVABILITY / "slo.yaml").read_text().replace(old, new, 1))
    with pytest.raises((ValueError, TypeError)):
        read(path)


def test_promtool_finds_no_fault_in_the_rules() -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", *RULE_FILES)
    assert done.code == 0, done.said


@pytest.mark.parametrize(
    "fault",
    [
        "expr: sum(kizashi_x",
        "expr: vector(1)\n        for: 1 minute",
        "expr: vector(1)\n      - {record: a:b, expr: c}\n      - {record: a:b, expr: c}",
    ],
)
def test_promtool_finds_a_planted_fault(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(f"groups:\n  - name: planted\n    rules:\n      - alert: Planted\n        {fault}\n")
    assert promtool("check", "rules", "--lint=all", "--lint-fatal", path).code != 0


@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.stem)
def test_the_rules_do_what_their_tests_say(path: Path) -> None:
    done = promtool("test", "rules", path)
    assert done.code == 0, done.said


def _looks() -> list[tuple[str, bool, dict[str, Any]]]:
    """Every look at an alert in every test: its name, whether it must fire, the test."""
    found = []
    for path in TEST_FILES:
        for test in loaded(path)["tests"]:
            for look in test.get("promql_expr_test", []):
                named = re.search(r'alertname="(\w+)"', look["expr"])
                if named:
                    found.append((named[1], bool(look["exp_samples"]), test))
    return found


@pytest.mark.parametrize("name", alert_names())
def test_every_alert_is_tested_firing_and_quiet_and_without_data(name: str) -> None:
    looks = [(fires, test) for alert, fires, test in _looks() if alert == name]
    assert any(fires for fires, _ in looks)
    if name == "KizashiWatchdog":
        return
    assert sum(not fires for fires, _ in looks) >= 2
    without = [
        test for _, test in looks if any(re.search(r"(^| )_|stale", one["values"]) for one in test["input_series"])
    ]
    assert without, "no test has a time without data"


@pytest.mark.parametrize("name", sorted({rule["alert"] for rule in alerts() if "increase(" in rule["expr"]}))
def test_every_alert_on_a_counter_is_tested_over_a_restart(name: str) -> None:
    if name.endswith("Burn"):
        return  # slo-recording.yaml has the restart of every objective
    tests = [test for alert, _, test in _looks() if alert == name]
    assert any(re.search("restart|began anew|from zero", test["name"]) for test in tests)


def _planted(folder: Path, paths: list[Path]) -> str:
    said = promtool("test", "rules", *[folder / path.name for path in paths]).said
    return re.sub(r"\\", "", said)


def test_a_rule_that_never_fires_is_found_whichever_it_is(tmp_path: Path) -> None:
    folder = with_changed_rules(tmp_path, lambda rule: rule.update(expr="vector(0) > 1"))
    said = _planted(folder, BY_HAND)
    unseen = [name for name in alert_names() if f'alertname="{name}"' not in said and not name.endswith("Burn")]
    assert unseen == []
    assert 'alertname="KizashiIngestAvailabilityBurn"' in said


def test_a_rule_that_does_not_wait_is_found_whichever_it_is(tmp_path: Path) -> None:
    waiting = {rule["alert"] for rule in alerts() if "for" in rule and not rule["alert"].endswith("Burn")}
    folder = with_changed_rules(tmp_path, lambda rule: rule.pop("for", None))
    said = _planted(folder, BY_HAND)
    assert [name for name in sorted(waiting) if f'alertname="{name}"' not in said] == []


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_every_alert_says_who_what_and_where(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket", "none"}
    service = rule["labels"].get("service")
    assert service in SERVICES if service else re.search(r"by \(service\b", rule["expr"])
    said = rule["annotations"]
    assert set(said) == ANNOTATIONS
    assert said["runbook_url"] == runbook_url(rule["alert"])
    assert said["dashboard_url"] in {dashboard_url(one) for one in DASHBOARDS}
    if rule["labels"]["severity"] != "none":
        assert "Effect: " in said["description"]


def test_every_series_that_a_rule_asks_for_is_counted_or_recorded() -> None:
    for module in METRICS:
        import_module(module)
    known = {name for collector in REGISTRY.collect() for name in _names(collector.name, collector.type)}
    known |= {rule["record"] for rule in rules() if "record" in rule}
    asked = {
        name
        for rule in rules()
        for name in re.findall(r"\b(kizashi_\w+|slo:[\w:]+)", re.sub(r'"[^"]*"', "", rule["expr"]))
    }
    assert sorted(asked - known) == []


def _names(name: str, kind: str) -> list[str]:
    return {"counter": [f"{name}_total"], "histogram": [f"{name}_bucket", f"{name}_count", f"{name}_sum"]}.get(
        kind, [name]
    )


def test_each_unit_of_the_witness_is_evaluated_once() -> None:
    witness = next(slo.witness for slo in read(OBSERVABILITY / "slo.yaml").slos if slo.witness)
    groups = loaded(PROMETHEUS / "rules" / "slo-recording.yaml")["groups"]
    interval = next(group["interval"] for group in groups if group["name"].endswith("-witness"))
    assert seconds(interval) == witness.unit_seconds


def test_prometheus_accepts_the_shipped_configuration(tmp_path: Path) -> None:
    done = promtool("check", "config", "--lint=none", PROMETHEUS / "prometheus.yml")
    assert done.code == 0, done.said
    broken = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text()) | {"rule_files": ["nowhere.yaml"], "extra": 1}
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(broken))
    assert promtool("check", "config", tmp_path / "prometheus.yml").code != 0
