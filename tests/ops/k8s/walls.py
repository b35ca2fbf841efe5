"""Who may talk to whom: the edges that the network policies leave open, worked out and compared with a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from tests.ops.k8s.overlay import BACKEND, NAME, OURS, SERVICES, Object, Overlay, name_of, pod_labels, selects, told

PART_OF: Final = {"app.kubernetes.io/part-of": "kizashi"}
WEBHOOKS: Final = "0.0.0.0/0"
FORBIDDEN: Final = frozenset(
    {"10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"}
)
"""Where no webhook may go: private, shared, loopback, link-local with the clouds' metadata."""


OPERATED: Final = {"kafka": {"strimzi.io/cluster": "kizashi"}, "postgres": {"cnpg.io/cluster": "postgres"}}
"""The labels that the operators give to every pod of theirs, those of their Jobs included."""


class Edge(NamedTuple):
    """One pod may open a connection to a port of another."""

    source: str
    target: str
    port: int


def expected(overlay: Overlay) -> set[Edge]:
    """OPERATIONS.md 4, "network-policies", between the pods of the namespace."""
    inside = {Edge("gateway", owner, 8001) for owner in ("ingest", "health", "alerts")} | {
        Edge("alerts", "health", 8001)
    }
    kafka = 9092 if overlay.name == "dev" else 9093
    stores = {
        Edge(one, store, port)
        for one in (*SERVICES, "migrate")
        for store, port in (("kafka", kafka), ("postgres", 5432))
    }
    canary = {Edge("canary", door, 8000) for door in ("ingest", "gateway")} if overlay.of("PodMonitor") else set()
    return inside | stores | canary


def walled(overlay: Overlay) -> Iterator[str]:
    """Closed both ways, and open along exactly the edges of the table."""
    if not any(_closes_everything(policy) for policy in overlay.of("NetworkPolicy")):
        yield "the namespace is not closed both ways"
    found, wanted = edges(overlay), expected(overlay)
    yield from (f"{e.source} may talk to {e.target}:{e.port}" for e in sorted(found - wanted))
    yield from (f"{e.source} cannot talk to {e.target}:{e.port}" for e in sorted(wanted - found))
    for workload in overlay.workloads():
        if not any(_names(policy, pod_labels(workload)) for policy in overlay.of("NetworkPolicy")):
            yield f"{told(workload)} has no policy of its own"


def _closes_everything(policy: Object) -> bool:
    spec = policy["spec"]
    return spec["podSelector"] == {} and set(spec["policyTypes"]) == {"Ingress", "Egress"} and len(spec) == 2


def _names(policy: Object, labels: Mapping[str, str]) -> bool:
    selector = policy["spec"]["podSelector"]
    return bool(selector) and selects(selector, labels)


def edges(overlay: Overlay) -> set[Edge]:
    """Every connection that the source may open and the target takes."""
    pods = _pods(overlay)
    ports = (8000, 8001, 9000, 9092, 9093, 5432)
    return {
        Edge(source, target, port)
        for source, leaving in pods.items()
        for target, coming in pods.items()
        for port in ports
        if source in OURS
        and source != target
        and _lets(overlay, "egress", leaving, coming, port)
        and (_is_taken(overlay, target, leaving, port) or _lets(overlay, "ingress", coming, leaving, port))
    }


def _pods(overlay: Overlay) -> dict[str, dict[str, str]]:
    """The labels of every kind of pod: ours, and those that operators or dev-infra run."""
    ours = {name_of(one): {**PART_OF, NAME: name_of(one)} for one in overlay.ours()}
    if overlay.of("Kafka"):
        return ours | OPERATED
    return ours | {name: {BACKEND: name} for name in ("kafka", "postgres")}


def _lets(overlay: Overlay, way: str, own: Mapping[str, str], other: Mapping[str, str], port: int) -> bool:
    peers = "to" if way == "egress" else "from"
    return any(
        _has(rule.get("ports"), port) and any(_is_peer(peer, other) for peer in rule.get(peers, ()))
        for policy in overlay.of("NetworkPolicy")
        if selects(policy["spec"]["podSelector"], own)
        for rule in policy["spec"].get(way, ())
    )


def _has(ports: list[dict[str, Any]] | None, port: int) -> bool:
    return ports is None or any(one["port"] == port for one in ports)


def _is_peer(peer: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    # Pods' own addresses are private: a block that leaves private ranges out reaches none of them.
    if "ipBlock" in peer:
        return not set(peer["ipBlock"].get("except", ())) >= FORBIDDEN
    return "namespaceSelector" not in peer and selects(peer["podSelector"], labels)


def _is_taken(overlay: Overlay, target: str, source: Mapping[str, str], port: int) -> bool:
    """Strimzi writes the policy of a listener's port itself, from the listener's peers."""
    listeners = [one for kafka in overlay.of("Kafka") for one in kafka["spec"]["kafka"]["listeners"]]
    return target == "kafka" and any(
        one["port"] == port and any(selects(peer["podSelector"], source) for peer in one["networkPolicyPeers"])
        for one in listeners
    )


def opened(overlay: Overlay) -> Iterator[str]:
    """From outside: the ingress controller to the public doors, Prometheus to every ops port. To outside: webhooks."""
    for name in SERVICES:
        doors = {port for port in (8000, 8001, 9000) if _from_outside(overlay, name, port)}
        wanted = {8000, 9000} if name in ("ingest", "gateway") else {9000}
        if doors != wanted:
            yield f"{name} is open to other namespaces on {sorted(doors)}, not on {sorted(wanted)}"
        world = [peer["ipBlock"] for peer in _leaving(overlay, name) if "ipBlock" in peer]
        if bool(world) != (name == "alerts"):
            yield f"{name} may {'' if world else 'not '}leave the cluster"
        for block in world:
            if block["cidr"] != WEBHOOKS or not set(block.get("except", ())) >= FORBIDDEN:
                yield f"{name} may reach private addresses"


def _from_outside(overlay: Overlay, name: str, port: int) -> bool:
    own = {**PART_OF, NAME: name}
    return any(
        _has(rule.get("ports"), port) and any("namespaceSelector" in peer for peer in rule["from"])
        for policy in overlay.of("NetworkPolicy")
        if selects(policy["spec"]["podSelector"], own)
        for rule in policy["spec"].get("ingress", ())
    )


def _leaving(overlay: Overlay, name: str) -> Iterator[Mapping[str, Any]]:
    own = {**PART_OF, NAME: name}
    for policy in overlay.of("NetworkPolicy"):
        if selects(policy["spec"]["podSelector"], own):
            for rule in policy["spec"].get("egress", ()):
                yield from rule["to"]
