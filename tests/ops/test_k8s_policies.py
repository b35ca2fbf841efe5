"""What must hold in every overlay, each rule once and each proved by a fault that it finds (OPERATIONS.md 4 and 10)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from tests.ops.k8s import naming, placing, pods, settings, walls
from tests.ops.k8s.overlay import OVERLAYS, Overlay, containers, pod, rendered
from tests.ops.tools import ROOT

Check = Callable[[Overlay], Iterator[str]]
CHECKS: list[Check] = [
    pods.restricted,
    pods.sized,
    pods.probed,
    pods.ended,
    pods.rolled,
    placing.spread,
    placing.disrupted,
    placing.scaled,
    placing.connected,
    walls.walled,
    walls.opened,
    naming.pinned,
    naming.listed_images,
    naming.released,
    naming.resolved,
    naming.answered,
    settings.understood,
]


class Plant(NamedTuple):
    """A fault: what is done to a copy of an overlay, the check that must find it, and words of the complaint."""

    check: Check
    done: Callable[[Overlay], Any]
    said: str
    overlay: str = "production"


def container(overlay: Overlay, name: str) -> dict[str, Any]:
    return containers(overlay.workload(name))[0]


def spec(overlay: Overlay, kind: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = overlay.get(kind, name)["spec"]
    return found


def data(overlay: Overlay, start: str) -> dict[str, str]:
    maps = (one for one in overlay.of("ConfigMap") if one["metadata"]["name"].startswith(f"{start}-"))
    found: dict[str, str] = next(maps)["data"]
    return found


def secrets(overlay: Overlay, name: str) -> list[dict[str, Any]]:
    volumes = {one["name"]: one for one in pod(overlay.workload(name))["volumes"]}
    return [source["secret"] for source in volumes["secrets"]["projected"]["sources"]]


def without(overlay: Overlay, kind: str, name: str) -> None:
    overlay.objects.remove(overlay.get(kind, name))


PLANTS = [
    Plant(
        pods.restricted,
        lambda o: container(o, "health")["securityContext"].update(allowPrivilegeEscalation=True),
        "may gain privileges",
    ),
    Plant(pods.restricted, lambda o: pod(o.workload("gateway")).pop("automountServiceAccountToken"), "token"),
    Plant(
        pods.restricted,
        lambda o: o.get("Namespace", "kizashi")["metadata"]["labels"].update(
            {"pod-security.kubernetes.io/enforce": "baseline"}
        ),
        "does not enforce restricted",
    ),
    Plant(
        pods.restricted,
        lambda o: pod(o.workload("alerts"))["volumes"].append({"name": "host", "hostPath": {"path": "/"}}),
        "volume host is a hostPath",
    ),
    Plant(pods.sized, lambda o: container(o, "ingest")["resources"]["limits"].update(memory="9Gi"), "1.5 times"),
    Plant(pods.probed, lambda o: container(o, "alerts").pop("startupProbe"), "no startupProbe"),
    Plant(
        pods.probed,
        lambda o: container(o, "health")["livenessProbe"]["httpGet"].update(path="/readyz"),
        "does not ask /livez",
    ),
    Plant(pods.ended, lambda o: pod(o.workload("ingest")).update(terminationGracePeriodSeconds=60), "120 s"),
    Plant(pods.ended, lambda o: container(o, "gateway").pop("lifecycle"), "does not wait"),
    Plant(
        pods.rolled,
        lambda o: spec(o, "Deployment", "gateway")["strategy"]["rollingUpdate"].update(maxUnavailable=1),
        "takes pods away",
    ),
    Plant(
        placing.spread,
        lambda o: pod(o.workload("health"))["topologySpreadConstraints"].pop(),
        "not spread over kubernetes.io/hostname",
    ),
    Plant(
        placing.spread,
        lambda o: pod(o.workload("gateway"))["topologySpreadConstraints"][0].update(whenUnsatisfiable="ScheduleAnyway"),
        "doubles up in a zone",
    ),
    Plant(placing.disrupted, lambda o: without(o, "PodDisruptionBudget", "alerts"), "0 disruption budgets"),
    Plant(placing.scaled, lambda o: spec(o, "StatefulSet", "ingest").update(replicas=3), "either a scaler or"),
    Plant(
        placing.scaled,
        lambda o: spec(o, "HorizontalPodAutoscaler", "gateway")["behavior"]["scaleDown"].update(policies=[]),
        "more than one pod",
    ),
    Plant(
        placing.connected, lambda o: spec(o, "HorizontalPodAutoscaler", "ingest").update(maxReplicas=40), "connections"
    ),
    Plant(walls.walled, lambda o: without(o, "NetworkPolicy", "default-deny"), "not closed both ways"),
    Plant(walls.walled, lambda o: without(o, "NetworkPolicy", "alerts-to-health"), "alerts cannot talk to health:8001"),
    Plant(
        walls.walled,
        lambda o: spec(o, "NetworkPolicy", "services-to-postgres").update(podSelector={"matchLabels": {"a": "b"}}),
        "ingest cannot talk to postgres:5432",
    ),
    Plant(
        walls.walled,
        lambda o: [
            spec(o, "NetworkPolicy", policy)[way][0][peers].append({"podSelector": {}})
            for policy, way, peers in (("owners-from-gateway", "ingress", "from"), ("alerts-to-health", "egress", "to"))
        ],
        "alerts may talk to ingest:8001",
    ),
    Plant(
        walls.opened,
        lambda o: spec(o, "NetworkPolicy", "webhooks")["egress"][0]["to"][0]["ipBlock"]["except"].remove("10.0.0.0/8"),
        "private addresses",
    ),
    Plant(
        walls.opened,
        lambda o: spec(o, "NetworkPolicy", "public-doors")["podSelector"]["matchExpressions"][0]["values"].append(
            "health"
        ),
        "health is open to other namespaces",
    ),
    Plant(naming.pinned, lambda o: container(o, "health").update(image="kizashi:0.1.0"), "not a digest"),
    Plant(
        naming.pinned,
        lambda o: container(o, "health").update(image=f"busybox@{naming.UNRELEASED}"),
        "which is no image",
    ),
    Plant(naming.pinned, lambda o: container(o, "health").update(image="kizashi:latest"), "whatever", "staging"),
    Plant(naming.listed_images, lambda o: container(o, "health").update(image="kizashi:0.0.9"), "0.0.9", "dev"),
    Plant(
        naming.listed_images,
        lambda o: containers(o.get("StatefulSet", "kafka"))[0].update(image="apache/kafka:3.9.0"),
        "apache/kafka:3.9.0",
        "dev",
    ),
    Plant(naming.listed_images, lambda o: spec(o, "Kafka", "kizashi")["kafka"].update(version="4.2.0"), "release"),
    Plant(naming.released, lambda o: o.workload("migrate")["metadata"].update(name="migrate"), "not named for"),
    Plant(
        naming.resolved,
        lambda o: container(o, "ingest")["envFrom"].append({"configMapRef": {"name": "gone"}}),
        "ConfigMap gone",
    ),
    Plant(
        naming.resolved,
        lambda o: secrets(o, "ingest")[0].update(name="gone"),
        "secret gone",
    ),
    Plant(naming.resolved, lambda o: without(o, "KafkaUser", "kizashi-health"), "secret kizashi-health, key password"),
    Plant(naming.answered, lambda o: container(o, "gateway").update(ports=[]), "Service/gateway"),
    Plant(
        settings.understood,
        lambda o: data(o, "health-settings").update(KIZASHI_DEDUPE_CASH_IDS="1"),
        "KIZASHI_DEDUPE_CASH_IDS",
    ),
    Plant(
        settings.understood,
        lambda o: data(o, "settings").update(KIZASHI_KAFKA_SECURITY_PROTOCOL="PLAINTEXT"),
        "Kafka in plain text",
    ),
    Plant(
        settings.understood,
        lambda o: secrets(o, "gateway")[0]["items"].pop(),
        "not mounted",
    ),
]


def named(check: Check) -> str:
    return f"{check.__module__.rpartition('.')[2]}.{check.__name__}"


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("check", CHECKS, ids=named)
def test_a_rule_holds(check: Check, overlay: str) -> None:
    assert list(check(rendered(overlay))) == []


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{named(plant.check)}: {plant.said}")
def test_a_rule_finds_the_fault_that_breaks_it(plant: Plant) -> None:
    broken = rendered(plant.overlay).copied()
    plant.done(broken)
    complaints = list(plant.check(broken))
    assert any(plant.said in complaint for complaint in complaints), complaints


def test_every_rule_has_a_fault_to_find() -> None:
    assert {plant.check for plant in PLANTS} == set(CHECKS)


def test_connections_beside_the_pool_are_opened_only_where_they_are_counted() -> None:
    code = [path for part in ("libs/common", "services") for path in (ROOT / part).rglob("*.py")]
    opening = {path.name for path in code if "_database.connect()" in path.read_text(encoding="utf-8")}
    assert opening == {"lines.py", "shared_outbox.py", "reconstruct.py"}
    lending = {path.parts[-3] for path in code if re.search(r"\bLines\(", path.read_text(encoding="utf-8"))}
    assert lending == {"kizashi_common", "kizashi_health", "kizashi_alerts"}
