"""What `deploy/k8s` renders is what a cluster's API takes (OPERATIONS.md 10, "Ops statics")."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.ops.k8s.overlay import OVERLAYS, fingerprint, rendered
from tests.ops.k8s.schemas import SCHEMAS, faults, loose, schema_at

PATHS = sorted(SCHEMAS.rglob("*.json"))


def test_every_rendered_object_is_one_that_the_api_takes() -> None:
    distinct = {fingerprint(one): one for name in OVERLAYS for one in rendered(name).objects}
    assert [fault for one in distinct.values() for fault in faults(one)] == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_schema_is_strict_and_names_its_operators_version(path: Any) -> None:
    schema = schema_at(path)
    Draft202012Validator.check_schema(schema)
    assert list(loose(schema)) == []
    assert any(character.isdigit() for character in schema["title"])


def test_every_schema_is_of_a_kind_that_we_use() -> None:
    used = {(one["apiVersion"], one["kind"]) for name in OVERLAYS for one in rendered(name).objects}
    stems = {(f"{path.parent.name}/{path.stem.rpartition('_')[2]}", path.stem.rpartition("_")[0]) for path in PATHS}
    assert stems <= used


@pytest.mark.parametrize(
    ("kind", "name", "field", "said"),
    [
        ("StatefulSet", "ingest", ("spec", "podManagmentPolicy"), "Kubernetes 1.35"),
        ("KafkaTopic", "kizashi.events.v1", ("spec", "partition"), "$.spec"),
        ("Cluster", "postgres", ("spec", "postgresql", "parameter"), "$.spec.postgresql"),
        ("PodMonitor", "kizashi", ("spec", "podMetricsEndpoint"), "$.spec"),
    ],
)
def test_a_mistyped_field_is_found(kind: str, name: str, field: tuple[str, ...], said: str) -> None:
    broken = copy.deepcopy(rendered("production").get(kind, name))
    place = broken
    for step in field[:-1]:
        place = place[step]
    place[field[-1]] = 3
    found = faults(broken)
    assert any(f"{kind}/{name}" in fault and field[-1] in fault and said in fault for fault in found), found


def test_a_kind_without_schema_is_found() -> None:
    stranger = {"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaBridge", "metadata": {"name": "b"}, "spec": {}}
    assert faults(stranger) == ["KafkaBridge/b: there is no schema kafka.strimzi.io/KafkaBridge_v1.json"]


def test_a_schema_that_lets_unknown_fields_pass_is_found() -> None:
    schema = schema_at(SCHEMAS / "kafka.strimzi.io/KafkaTopic_v1.json")
    del schema["properties"]["spec"]["additionalProperties"]
    assert list(loose(schema)) == ["$.properties.spec"]
