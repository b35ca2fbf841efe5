"""What holds for pods: what they may do, what they ask for, how they are asked, how they start and end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tests.ops.k8s.overlay import OURS, Object, Overlay, containers, name_of, pod, told

_UNITS: Final = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
GRACE: Final = {"ingest": 120, "health": 60, "alerts": 60, "gateway": 60}
PROBES: Final = {
    "startupProbe": ("/startupz", {"periodSeconds": 2, "failureThreshold": 90}),
    "livenessProbe": ("/livez", {}),
    "readinessProbe": ("/readyz", {}),
}


def restricted(overlay: Overlay) -> Iterator[str]:
    """Pod security "restricted", enforced on the namespace and written into every pod, and a little more for ours."""
    for space in overlay.of("Namespace"):
        if space["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"{told(space)} does not enforce restricted"
    for workload in overlay.workloads():
        for complaint in [*_pod_faults(workload), *_container_faults(workload)]:
            yield f"{told(workload)}: {complaint}"


def _pod_faults(workload: Object) -> Iterator[str]:
    spec = pod(workload)
    context = spec.get("securityContext", {})
    if context.get("runAsNonRoot") is not True or context.get("runAsUser", 0) == 0:
        yield "may run as root"
    if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "has no seccomp profile"
    if spec.get("automountServiceAccountToken") is not False:
        yield "gets a service-account token"
    if spec.get("enableServiceLinks") is not False:
        yield "gets the addresses of every service"
    if any(spec.get(shared) for shared in ("hostNetwork", "hostPID", "hostIPC")):
        yield "shares something of its node"
    for volume in spec.get("volumes", ()):
        yield from _volume_faults(volume)
    if name_of(workload) in OURS and context.get("runAsUser") != 10001:
        yield "does not run as 10001"


def _volume_faults(volume: Object) -> Iterator[str]:
    kind = next(key for key in volume if key != "name")
    if kind not in ("emptyDir", "projected", "secret", "configMap", "persistentVolumeClaim"):
        yield f"volume {volume['name']} is a {kind}"
    if kind == "emptyDir" and not (volume[kind].get("medium") == "Memory" and volume[kind].get("sizeLimit")):
        yield f"volume {volume['name']} is not in memory, or has no size"


def _container_faults(workload: Object) -> Iterator[str]:
    for container in containers(workload):
        context = container.get("securityContext", {})
        if context.get("allowPrivilegeEscalation") is not False:
            yield "may gain privileges"
        if context.get("capabilities") != {"drop": ["ALL"]}:
            yield "keeps capabilities"
        if context.get("privileged"):
            yield "is privileged"
        if name_of(workload) in OURS and context.get("readOnlyRootFilesystem") is not True:
            yield "can write to its root"


def sized(overlay: Overlay) -> Iterator[str]:
    """Every container asks for what it needs; memory ends at one and a half times that, CPU nowhere."""
    for workload in overlay.workloads():
        for container in containers(workload):
            asked = container.get("resources", {})
            requests, limits = asked.get("requests", {}), asked.get("limits", {})
            if not {"cpu", "memory"} <= requests.keys():
                yield f"{told(workload)} does not say what it needs"
            elif 2 * amount(limits.get("memory", "0")) != 3 * amount(requests["memory"]):
                yield f"{told(workload)}: the memory limit is not 1.5 times the request"
            if "cpu" in limits:
                yield f"{told(workload)} has a CPU limit"


def amount(text: str) -> int:
    """Bytes of a quantity such as 512Mi."""
    return int(text[:-2]) * _UNITS[text[-2:]] if text[-2:] in _UNITS else int(text)


def probed(overlay: Overlay) -> Iterator[str]:
    """Three probes for whatever runs for long; ours on the ops port, each on its own path."""
    for workload in overlay.of("Deployment", "StatefulSet"):
        for container in containers(workload):
            for probe, (path, numbers) in PROBES.items():
                found = container.get(probe)
                if found is None:
                    yield f"{told(workload)} has no {probe}"
                elif name_of(workload) in OURS and not _asks(found, path, numbers):
                    yield f"{told(workload)}: its {probe} does not ask {path} on the ops port as it should"


def _asks(probe: Object, path: str, numbers: dict[str, int]) -> bool:
    return probe.get("httpGet") == {"path": path, "port": "ops"} and numbers.items() <= probe.items()


def ended(overlay: Overlay) -> Iterator[str]:
    """Requests stop coming before the pod stops, and it has the time to finish what it holds."""
    for workload in overlay.services():
        wanted = GRACE[name_of(workload)]
        if pod(workload).get("terminationGracePeriodSeconds") != wanted:
            yield f"{told(workload)} is not given {wanted} s to end"
        for container in containers(workload):
            if container.get("lifecycle", {}).get("preStop") != {"sleep": {"seconds": 5}}:
                yield f"{told(workload)} does not wait before it ends"


def rolled(overlay: Overlay) -> Iterator[str]:
    """A Deployment never has fewer than its pods; a StatefulSet's pods do not wait for each other at the start."""
    for workload in overlay.services():
        spec = workload["spec"]
        rolling: dict[str, Any] = spec.get("strategy", {}).get("rollingUpdate", {})
        if workload["kind"] == "Deployment" and rolling.get("maxUnavailable") != 0:
            yield f"{told(workload)} takes pods away before new ones are ready"
        if workload["kind"] == "StatefulSet" and spec.get("podManagementPolicy") != "Parallel":
            yield f"{told(workload)} starts its pods one after the other"
