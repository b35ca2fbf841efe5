"""What pods are told: the environment that the rendered objects give to each, judged by the services' own settings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final

from scripts.k8s.secrets import made

from kizashi_cli.canary.settings import CanarySettings
from kizashi_common.errors import Invalid
from kizashi_common.runtime.migrate_settings import MigrateSettings
from kizashi_common.runtime.settings import FILE, ProcessSettings, Settings, refuse_unknown
from kizashi_local.service_settings import OWN_SETTINGS, require
from tests.ops.k8s.overlay import Object, Overlay, containers, name_of, pod, told

CLASSES: Final[dict[str, tuple[type[Settings], ...]]] = {
    **{name: (ProcessSettings, own) for name, own in OWN_SETTINGS.items()},
    "migrate": (MigrateSettings,),
    "canary": (CanarySettings,),
}
_KAFKA_PASSWORD: Final = "q7Zt2mXw9LrV4bKc8NfHdP3sYg6J"
_CERTIFICATE: Final = "-----BEGIN CERTIFICATE-----"


def environment(overlay: Overlay, workload: Object) -> dict[str, str]:
    """The variables of a pod as Kubernetes puts them together."""
    maps = {one["metadata"]["name"]: one["data"] for one in overlay.of("ConfigMap")}
    container = containers(workload)[0]
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        found |= maps.get(source["configMapRef"]["name"], {})
    for variable in container.get("env", ()):
        found[variable["name"]] = variable.get("value", f"{name_of(workload)}-0")
    return found


def mounted(workload: Object) -> dict[str, tuple[str, str]]:
    """Every file that a pod finds below its secrets' mounts, and the secret and key that it is."""
    spec = pod(workload)
    mounts = {one["name"]: PurePosixPath(one["mountPath"]) for one in containers(workload)[0].get("volumeMounts", ())}
    return {
        str(mounts[volume["name"]] / item["path"]): (source["secret"]["name"], item["key"])
        for volume in spec.get("volumes", ())
        if volume["name"] in mounts
        for source in volume.get("projected", {}).get("sources", ())
        for item in source["secret"]["items"]
    }


def understood(overlay: Overlay) -> Iterator[str]:
    """Every service accepts what it is told and the secrets that we make, in production too; no file is missing."""
    secrets = made("postgres-rw")
    for workload in overlay.ours():
        told_it, files = environment(overlay, workload), mounted(workload)
        wanted = frozenset().union(*(cls.names() for cls in CLASSES[name_of(workload)]))
        named = {name: path for name, path in told_it.items() if name.endswith(FILE) and name in wanted}
        for name, path in named.items():
            if path not in files:
                yield f"{told(workload)}: {name} names {path}, which is not mounted"
        with TemporaryDirectory() as folder:
            here = {name: _file(Path(folder) / name, files.get(path), secrets) for name, path in named.items()}
            try:
                _judge(told_it | here, CLASSES[name_of(workload)])
            except Invalid as error:
                yield f"{told(workload)}: {error}"


def _judge(told_it: dict[str, str], classes: tuple[type[Settings], ...]) -> None:
    """As the command itself does. Raises: Invalid."""
    if classes == (CanarySettings,):  # it runs apart and knows no other settings
        refuse_unknown(told_it, classes)
        CanarySettings.read(told_it)
    else:
        require(told_it, classes)


def _file(path: Path, secret: tuple[str, str] | None, secrets: dict[str, dict[str, str]]) -> str:
    """A file with what the secret holds; Strimzi's are the only ones that we do not make."""
    name, key = secret or ("", "")
    strimzis = _CERTIFICATE if key == "ca.crt" else _KAFKA_PASSWORD
    path.write_text(secrets.get(name, {}).get(key, strimzis), encoding="utf-8")
    return str(path)
