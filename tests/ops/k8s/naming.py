"""What objects name: images, ConfigMaps, Secrets, ports, the release. A name that nothing answers to fails at night."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from typing import Final

import yaml

from tests.ops.k8s.overlay import Object, Overlay, containers, everything, pod, told
from tests.ops.tools import ROOT

UNRELEASED: Final = "sha256:" + "0" * 64
"""Stands where the release writes the digest of its own image; no image answers to it."""

_OWN: Final = "kizashi"
_DIGEST: Final = re.compile(r"^[^@]+@(sha256:[0-9a-f]{64})$")
_LOGIN: Final = ("username", "password")


def version() -> str:
    """The version of this tree."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def images(overlay: Overlay) -> dict[str, str]:
    """Each workload and the image it runs."""
    return {told(one): container["image"] for one in overlay.workloads() for container in containers(one)}


def pinned(overlay: Overlay) -> Iterator[str]:
    """No image floats. Production knows digests alone; ours may still be the one that nothing answers to."""
    for owner, image in images(overlay).items():
        repository, _, tag = image.partition(":")
        if overlay.name == "production":
            digest = _DIGEST.match(image)
            if digest is None:
                yield f"{owner} runs {image}, not a digest"
            elif digest[1] == UNRELEASED and repository.partition("@")[0] != _OWN:
                yield f"{owner} runs {image}, which is no image"
        elif tag in ("", "latest"):
            yield f"{owner} runs {image}: whatever that is today"


def listed_images(overlay: Overlay) -> Iterator[str]:
    """Images of others have the tag of `deploy/images.yaml`, ours the version; operators run the same releases."""
    known = yaml.safe_load((ROOT / "deploy/images.yaml").read_text(encoding="utf-8"))["images"]
    tags = {one["name"]: str(one["tag"]) for one in known.values()} | {_OWN: version()}
    for owner, image in images(overlay).items():
        repository, _, tag = image.partition("@")[0].partition(":")
        if tag and tag != tags.get(repository):
            yield f"{owner} runs {image}; the list of images says {tags.get(repository)}"
    for kafka in overlay.of("Kafka"):
        if kafka["spec"]["kafka"]["version"] != tags["apache/kafka"]:
            yield f"{told(kafka)} is not the listed release {tags['apache/kafka']}"
    for cluster in overlay.of("Cluster"):
        if not tags["postgres"].startswith(f"{cluster['spec']['imageCatalogRef']['major']}-"):
            yield f"{told(cluster)} is not the listed release {tags['postgres']}"


def released(overlay: Overlay) -> Iterator[str]:
    """The Job that migrates carries the version in its name, and does not try for ever."""
    for job in overlay.of("Job"):
        if job["metadata"]["name"] != f"migrate-{version().replace('.', '-')}":
            yield f"{told(job)} is not named for version {version()}"
        wanted = {"backoffLimit": 3, "ttlSecondsAfterFinished": 86400}
        if not wanted.items() <= job["spec"].items():
            yield f"{told(job)} tries too often, or stays for ever"
        if any("initContainers" in pod(one) for one in overlay.ours()):
            yield "a container waits before another"


def resolved(overlay: Overlay) -> Iterator[str]:
    """Every ConfigMap that a pod names is rendered; every Secret key is made by Strimzi or listed in the README."""
    maps = {one["metadata"]["name"] for one in overlay.of("ConfigMap")}
    for workload in overlay.workloads():
        for key, value in everything(pod(workload)):
            if key in ("configMapRef", "configMapKeyRef") and value["name"] not in maps:
                yield f"{told(workload)} reads ConfigMap {value['name']}, which is not there"
    asked = set(asked_secrets(overlay.objects))
    needed = asked - made_by_strimzi(overlay)
    listed = overlay.listed_secrets()
    yield from (f"nobody is told to make secret {name}, key {key}" for name, key in sorted(needed - listed))
    yield from (f"README lists secret {name}, key {key}, which nothing reads" for name, key in sorted(listed - needed))


def made_by_strimzi(overlay: Overlay) -> set[tuple[str, str]]:
    """The secrets of users and of the certificate authority."""
    users = {(one["metadata"]["name"], "password") for one in overlay.of("KafkaUser")}
    return users | {(f"{one['metadata']['name']}-cluster-ca-cert", "ca.crt") for one in overlay.of("Kafka")}


def asked_secrets(objects: Iterable[Object]) -> Iterator[tuple[str, str]]:
    """(secret, key) of all that objects read."""
    for one in objects:
        for key, value in everything(one):
            if key == "secret" and isinstance(value, dict):
                yield from ((value["name"], item) for item in _keys(value))
            elif key == "passwordSecret":
                yield from ((value["name"], item) for item in _LOGIN)
            elif key in ("secretKeyRef", "accessKeyId", "secretAccessKey"):
                yield value["name"], value["key"]


def _keys(secret: Object) -> Iterable[str]:
    return [item["key"] for item in secret["items"]] if "items" in secret else _LOGIN


def answered(overlay: Overlay) -> Iterator[str]:
    """Every Service finds pods with its ports, and every PodMonitor a port of that name."""
    ports = {p["name"] for one in overlay.workloads() for c in containers(one) for p in c.get("ports", ())}
    for service in overlay.of("Service"):
        selector = service["spec"]["selector"].items()
        behind = [
            one for one in overlay.workloads() if selector <= one["spec"]["template"]["metadata"]["labels"].items()
        ]
        open_ports = {p["name"] for one in behind for c in containers(one) for p in c["ports"]}
        for port in service["spec"]["ports"]:
            if port["targetPort"] not in open_ports:
                yield f"{told(service)} leads to port {port['targetPort']} of nobody"
    for monitor in overlay.of("PodMonitor"):
        endpoint = monitor["spec"]["podMetricsEndpoints"][0]
        if monitor["metadata"]["name"] == _OWN and not (endpoint["port"] in ports and endpoint.get("honorLabels")):
            yield f"{told(monitor)} reads a port that is not there, or overwrites our labels"
