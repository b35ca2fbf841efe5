"""The generated parts of `deploy/k8s` are those that their sources make (OPERATIONS.md 4)."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from scripts.k8s import kafka
from scripts.k8s.__main__ import stale
from scripts.k8s.secrets import made, main

from kizashi_common.contracts.topics import TOPICS
from tests.ops.k8s.overlay import SERVICES, Overlay, rendered
from tests.ops.k8s.schemas import faults
from tests.ops.tools import ROOT

PARTS = ("deploy/k8s/components", "deploy/observability")


def test_nothing_generated_is_stale() -> None:
    assert [str(path.relative_to(ROOT)) for path in stale(ROOT)] == []


def test_a_changed_a_missing_and_a_left_over_file_are_stale(tmp_path: Path) -> None:
    for part in PARTS:
        shutil.copytree(ROOT / part, tmp_path / part)
    monitoring, strimzi = tmp_path / PARTS[0] / "monitoring", tmp_path / PARTS[0] / "kafka-strimzi"
    (strimzi / "users.yaml").write_text("{}", encoding="utf-8")
    (strimzi / "topics.yaml").unlink()
    (monitoring / "dashboards/old.json").write_text("{}", encoding="utf-8")
    found = {path.name for path in stale(tmp_path)}
    assert {"users.yaml", "topics.yaml", "old.json"} <= found


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_the_topics_are_those_of_the_table(overlay: str) -> None:
    found = {one["metadata"]["name"]: one["spec"] for one in rendered(overlay).of("KafkaTopic")}
    assert {name: spec["partitions"] for name, spec in found.items()} == {t.name: t.partitions for t in TOPICS}
    for topic in TOPICS:
        spec = found[topic.name]
        kept = timedelta(milliseconds=int(spec["config"]["retention.ms"]))
        assert (spec["replicas"], spec["config"]["min.insync.replicas"], kept) == (3, "2", topic.retention)


def test_nobody_writes_a_topic_but_its_producer_or_reads_one_but_its_consumers() -> None:
    users = rendered("production").of("KafkaUser")
    for topic in TOPICS:
        assert _who(users, topic.name, "Write") == {f"kizashi-{topic.producer}"}
        assert _who(users, topic.name, "Read") == {f"kizashi-{one}" for one in topic.consumers}
    assert {one["metadata"]["name"] for one in users} == {
        kafka.user_name(service) for service in (*SERVICES, "migrate")
    }


def _who(users: list[dict[str, object]], topic: str, operation: str) -> set[str]:
    found: set[str] = set()
    for user in users:
        spec: dict[str, dict[str, list[dict[str, dict[str, str]]]]] = user["spec"]  # type: ignore[assignment]
        for rule in spec["authorization"]["acls"]:
            resource = rule["resource"]
            is_prefix = resource["patternType"] == "prefix"
            means = topic.startswith(resource["name"]) if is_prefix else topic == resource["name"]
            if resource["type"] == "topic" and means and operation in rule["operations"]:
                found.add(user["metadata"]["name"])  # type: ignore[index]
    return found


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_events_are_kept_at_least_as_long_as_backups(overlay: str) -> None:
    assert recovery_age(rendered(overlay)) <= min(topic.retention for topic in TOPICS)


def recovery_age(overlay: Overlay) -> timedelta:
    """How far back PostgreSQL can be restored."""
    text = overlay.get("ObjectStore", "backups")["spec"]["retentionPolicy"]
    assert text.endswith("d")
    return timedelta(days=int(text[:-1]))


def test_a_backup_that_outlives_the_log_is_found() -> None:
    broken = rendered("production").copied()
    broken.get("ObjectStore", "backups")["spec"]["retentionPolicy"] = "30d"
    assert recovery_age(broken) > min(topic.retention for topic in TOPICS)


@pytest.mark.parametrize("overlay", ["dev", "staging", "production"])
def test_the_secrets_that_we_make_are_those_that_the_readme_lists(overlay: str) -> None:
    ours = {(name, key) for name, values in made("postgres-rw").items() for key in values}
    elsewhere = {("object-store", "access-key-id"), ("object-store", "secret-access-key")}
    assert rendered(overlay).listed_secrets() - elsewhere <= ours


def test_no_two_runs_make_the_same_secret() -> None:
    first, second = made("postgres-rw"), made("postgres-rw")
    for name, values in first.items():
        assert {key for key, value in values.items() if second[name][key] == value} <= {"username"}


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_the_cluster_gets_the_same_rules_and_dashboards_as_compose(overlay: str) -> None:
    folder = ROOT / "deploy/observability"
    files = [*folder.glob("prometheus/rules/*.yaml"), *folder.glob("prometheus/platform/*.yaml")]
    groups = [group for path in files for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]
    found = [group for one in rendered(overlay).of("PrometheusRule") for group in one["spec"]["groups"]]
    assert {one["name"]: one for one in found} == {one["name"]: one for one in groups}
    assert len(found) == len(groups)
    boards = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("grafana/dashboards/*.json")}
    maps = [
        one for one in rendered(overlay).of("ConfigMap") if "grafana_dashboard" in one["metadata"].get("labels", {})
    ]
    assert {name: text for one in maps for name, text in one["data"].items()} == boards
    # `kubectl apply` writes what it applied into an annotation, and annotations end at 256 KiB.
    assert max(len(text.encode()) for text in boards.values()) < 200_000


def test_the_secrets_are_printed_as_the_api_takes_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--database-host", "postgres"]) == 0
    printed = list(yaml.safe_load_all(capsys.readouterr().out))
    assert [fault for one in printed for fault in faults(one)] == []
    logins = [one["stringData"] for one in printed if one["type"] == "kubernetes.io/basic-auth"]
    assert [one["url"] for one in logins] == [
        f"postgresql://{one['username']}:{one['password']}@postgres:5432/kizashi" for one in logins
    ]
