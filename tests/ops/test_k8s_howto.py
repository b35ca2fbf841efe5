"""The page that an installer follows: its example renders, its names exist (docs/howto/kubernetes.md)."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ops.k8s import naming, settings
from tests.ops.k8s.overlay import OVERLAYS, Overlay, rendered
from tests.ops.k8s.schemas import VERSIONS
from tests.ops.tools import ROOT, needed

PAGE = (ROOT / "docs/howto/kubernetes.md").read_text(encoding="utf-8")


@pytest.fixture
def example(tmp_path: Path) -> Overlay:
    """The page's own overlay, rendered from where the page does not lie: a folder of somebody else."""
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    ours = os.path.relpath(ROOT / "deploy/k8s/overlays/production", tmp_path)
    written = text.replace("../kizashi/deploy/k8s/overlays/production", ours)
    (tmp_path / "kustomization.yaml").write_text(written, encoding="utf-8")
    done = subprocess.run([needed("kubectl"), "kustomize", tmp_path], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Overlay("production", [one for one in yaml.safe_load_all(done.stdout) if one], rendered("production").readme)


def test_the_pages_overlay_sets_what_it_says_and_starts(example: Overlay) -> None:
    images = naming.images(example)
    assert len(images) == 6
    assert all(image.startswith("registry.example.com/kizashi@sha256:5f0c") for image in images.values())
    assert list(naming.pinned(example)) == []
    assert list(naming.resolved(example)) == []
    assert list(settings.understood(example)) == []
    said: dict[str, Any] = settings.environment(example, example.workload("alerts"))
    assert (said["KIZASHI_PUBLIC_URL"], said["KIZASHI_EGRESS_ALLOW"]) == ("https://kizashi.example.org", "0.0.0.0/0")
    store = example.get("ObjectStore", "backups")["spec"]["configuration"]
    assert store["destinationPath"] == "s3://example-backups/kizashi"


def test_a_changed_setting_rolls_the_pods_that_read_it_and_no_others(example: Overlay) -> None:
    for service, rolls in {"alerts": True, "gateway": True, "health": False, "ingest": False}.items():
        before = rendered("production").workload(service)["spec"]["template"]["spec"]["containers"][0]["envFrom"]
        after = example.workload(service)["spec"]["template"]["spec"]["containers"][0]["envFrom"]
        assert (before != after) == rolls, service


def test_the_page_names_the_versions_that_are_checked() -> None:
    assert f"Kubernetes {VERSIONS[0]} to {VERSIONS[-1]}" in PAGE
    assert naming.version() in PAGE


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_the_first_step_applies_broker_and_database_alone(overlay: str) -> None:
    labelled = {one["kind"] for one in rendered(overlay).objects if "kizashi/backend" in labels(one)}
    assert {"Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser", "Cluster", "ObjectStore"} <= labelled
    assert labelled & {"Deployment", "StatefulSet", "Job"} == set()


def labels(one: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = one["metadata"].get("labels", {})
    return found


def test_every_object_of_the_page_is_rendered() -> None:
    names = {f"{one['kind'].lower()}/{one['metadata']['name']}" for o in OVERLAYS for one in rendered(o).objects}
    said = set(re.findall(r"\b(?:kafka|cluster|statefulset|deployment|service)/[a-z]+\b", PAGE))
    assert said
    assert said <= names
