"""An overlay as `kubectl kustomize` renders it, and the questions that every check asks of it."""

from __future__ import annotations

import copy
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import yaml

from tests.ops.tools import ROOT, needed

Object = dict[str, Any]
K8S: Final = ROOT / "deploy/k8s"
OVERLAYS: Final = ("dev", "staging", "production")
SERVICES: Final = ("ingest", "health", "alerts", "gateway")
OURS: Final = (*SERVICES, "migrate", "canary")
NAME: Final = "app.kubernetes.io/name"
BACKEND: Final = "kizashi/backend"
_WORKLOADS: Final = ("Deployment", "StatefulSet", "Job")
_LISTED: Final = re.compile(r"^\| `([a-z0-9-]+)` \| `([a-z0-9-]+)` \|", re.MULTILINE)


@dataclass(frozen=True)
class Overlay:
    """What one overlay renders, and what its README lists. A check only reads it; a plant changes a copy."""

    name: str
    objects: list[Object]
    readme: str

    def of(self, *kinds: str) -> list[Object]:
        """The objects of these kinds."""
        return [one for one in self.objects if one["kind"] in kinds]

    def get(self, kind: str, name: str) -> Object:
        """One object."""
        return next(one for one in self.of(kind) if one["metadata"]["name"] == name)

    def workloads(self) -> list[Object]:
        """Everything that runs pods which we write."""
        return self.of(*_WORKLOADS)

    def ours(self) -> list[Object]:
        """Workloads of our image."""
        return [one for one in self.workloads() if name_of(one) in OURS]

    def services(self) -> list[Object]:
        """The four services' workloads."""
        return [one for one in self.ours() if name_of(one) in SERVICES]

    def workload(self, name: str) -> Object:
        """The workload of a service, or of migrate."""
        return next(one for one in self.ours() if name_of(one) == name)

    def listed_secrets(self) -> set[tuple[str, str]]:
        """(secret, key) of every row of the README's table."""
        return set(_LISTED.findall(self.readme))

    def copied(self) -> Overlay:
        """A copy in which a fault can be planted."""
        return Overlay(self.name, copy.deepcopy(self.objects), self.readme)


@cache
def rendered(name: str) -> Overlay:
    """The overlay of this name. Skips the test where kubectl is nowhere."""
    return render(name, needed("kubectl").as_posix())


def render(name: str, kubectl: str) -> Overlay:
    """Renders it. Raises: AssertionError with what kustomize says."""
    folder = K8S / "overlays" / name
    done = subprocess.run([kubectl, "kustomize", folder], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    objects = [one for one in yaml.safe_load_all(done.stdout) if one]
    return Overlay(name, objects, (folder / "README.md").read_text(encoding="utf-8"))


def name_of(one: Object) -> str:
    """What a workload is called by its label: a Job's own name carries a version."""
    labels = one["metadata"].get("labels", {})
    return str(labels.get(NAME) or labels.get(BACKEND) or one["metadata"]["name"])


def told(one: Object) -> str:
    """How a complaint names an object."""
    return f"{one['kind']}/{one['metadata']['name']}"


def pod(workload: Object) -> Object:
    """The pod's spec."""
    found: Object = workload["spec"]["template"]["spec"]
    return found


def pod_labels(workload: Object) -> Mapping[str, str]:
    """The pod's labels."""
    found: Mapping[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return found


def containers(workload: Object) -> list[Object]:
    """Its containers, those that run first included."""
    spec = pod(workload)
    return [*spec.get("initContainers", ()), *spec["containers"]]


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector means something with these labels."""
    pairs = selector.get("matchLabels", {}).items()
    rules = selector.get("matchExpressions", ())
    return all(labels.get(k) == v for k, v in pairs) and all(_holds(rule, labels) for rule in rules)


def _holds(rule: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    if rule["operator"] != "In":
        raise NotImplementedError(f"no policy of ours uses {rule['operator']}")
    return labels.get(rule["key"]) in rule["values"]


def everything(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key with its value, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from everything(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from everything(inner)


def fingerprint(one: Object) -> str:
    """The same for equal objects, so that what overlays share is judged once."""
    return json.dumps(one, sort_keys=True)
