"""What holds for sets of pods: where they stand, how many, how they may be moved, how many connections they hold."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Final

from kizashi_common.db.database import Database
from kizashi_common.stream import ledger
from kizashi_health.adapters import partition as health_partition
from tests.ops.k8s.overlay import Object, Overlay, name_of, pod, pod_labels, selects, told

ZONE: Final = "topology.kubernetes.io/zone"
HOST: Final = "kubernetes.io/hostname"
_POOL: Final = int(inspect.signature(Database.__init__).parameters["pool"].default)
_OF_A_STREAM: Final = _POOL + ledger._CONNECTIONS
CONNECTIONS: Final = {
    "ingest": _POOL,
    "health": _OF_A_STREAM + health_partition._LINES + 1,  # and one that reconstructs
    "alerts": _OF_A_STREAM + 1 + 1,  # a line of the partitions, and the relay's
    "gateway": _POOL,
    "migrate": 2 + _POOL,
}
"""Connections that one process may hold: its pool, and what it opens beside the pool."""

SPARE: Final = 20


def spread(overlay: Overlay) -> Iterator[str]:
    """A service's pods stand apart, over zones and over hosts; production rather waits than doubles up in a zone."""
    for workload in overlay.services():
        rules = {rule["topologyKey"]: rule for rule in pod(workload).get("topologySpreadConstraints", ())}
        for key in (ZONE, HOST):
            yield from (f"{told(workload)}: {fault}" for fault in _spread_faults(workload, rules.get(key), key))
        strict = rules.get(ZONE, {}).get("whenUnsatisfiable") == "DoNotSchedule"
        if overlay.name == "production" and not strict:
            yield f"{told(workload)} doubles up in a zone"


def _spread_faults(workload: Object, rule: Mapping[str, Any] | None, key: str) -> Iterator[str]:
    if rule is None or rule.get("maxSkew") != 1:
        yield f"its pods are not spread over {key}"
        return
    if not selects(rule["labelSelector"], pod_labels(workload)):
        yield f"the spread over {key} counts other pods"
    if workload["kind"] == "Deployment" and rule.get("matchLabelKeys") != ["pod-template-hash"]:
        yield f"the spread over {key} counts the pods of the last release too"


def disrupted(overlay: Overlay) -> Iterator[str]:
    """One pod of a service at a time leaves its node, and a broken one may always be moved."""
    for workload in overlay.services():
        budgets = [
            one for one in overlay.of("PodDisruptionBudget") if selects(one["spec"]["selector"], pod_labels(workload))
        ]
        if len(budgets) != 1:
            yield f"{told(workload)} has {len(budgets)} disruption budgets"
            continue
        spec = budgets[0]["spec"]
        if spec.get("maxUnavailable") != 1 or spec.get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
            yield f"{told(budgets[0])} holds up drains, or lets all pods go"


def scaled(overlay: Overlay) -> Iterator[str]:
    """Whoever is scaled names no number of its own; the scaler follows CPU and gives up slowly."""
    targets = {one["spec"]["scaleTargetRef"]["name"]: one for one in overlay.of("HorizontalPodAutoscaler")}
    for missing in {"ingest", "gateway"} - targets.keys():
        yield f"{missing} is not scaled"
    for workload in overlay.services():
        scaler = targets.get(name_of(workload))
        if (scaler is None) != ("replicas" in workload["spec"]):
            yield f"{told(workload)}: either a scaler or `replicas` says how many"
        if scaler is not None:
            yield from _scaler_faults(scaler, workload)


def _scaler_faults(scaler: Object, workload: Object) -> Iterator[str]:
    spec = scaler["spec"]
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}
    if spec["scaleTargetRef"]["kind"] != workload["kind"]:
        yield f"{told(scaler)} means another kind than {workload['kind']}"
    if spec["metrics"] != [cpu]:
        yield f"{told(scaler)} does not follow CPU at 60 %"
    if spec.get("behavior", {}).get("scaleDown", {}).get("policies") != [
        {"type": "Pods", "value": 1, "periodSeconds": 600}
    ]:
        yield f"{told(scaler)} takes more than one pod in ten minutes"


def connected(overlay: Overlay) -> Iterator[str]:
    """All processes' connections together, and some to spare, fit into what PostgreSQL allows."""
    most = sum(
        CONNECTIONS[name_of(one)] * _most_pods(overlay, one) for one in overlay.ours() if name_of(one) in CONNECTIONS
    )
    allowed = allowed_connections(overlay)
    if most + SPARE >= allowed:
        yield f"services may hold {most} connections; with {SPARE} to spare that is not below {allowed}"


def _most_pods(overlay: Overlay, workload: Object) -> int:
    scalers = overlay.of("HorizontalPodAutoscaler")
    scaled_to = [s["spec"]["maxReplicas"] for s in scalers if s["spec"]["scaleTargetRef"]["name"] == name_of(workload)]
    pods = scaled_to[0] if scaled_to else workload["spec"].get("replicas", 1)
    surge = workload["spec"].get("strategy", {}).get("rollingUpdate", {}).get("maxSurge", 0)
    return int(pods) + int(surge)


def allowed_connections(overlay: Overlay) -> int:
    """`max_connections`, wherever this overlay's PostgreSQL is told."""
    for cluster in overlay.of("Cluster"):
        return int(cluster["spec"]["postgresql"]["parameters"]["max_connections"])
    arguments = pod(overlay.get("StatefulSet", "postgres"))["containers"][0]["args"]
    return next(int(text.split("=")[1]) for text in arguments if text.startswith("max_connections="))
