"""Whether the cluster's API would take an object: built-in kinds by three Kubernetes versions, others by our schemas.

`kubernetes-validate` passes kinds that it does not know, so a kind without a schema of ours is a fault of its own.

Source: OPERATIONS.md 10, "Ops statics".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
from jsonschema import Draft202012Validator

from tests.ops.k8s.overlay import K8S, Object, told

VERSIONS: Final = ("1.34", "1.35", "1.36")
"""What CloudNativePG 1.30 is supported on, the narrowest of the operators."""

SCHEMAS: Final = K8S / "schemas"


def faults(one: Object) -> list[str]:
    """What the API would refuse about an object; empty when it would take it."""
    if "." not in one["apiVersion"].partition("/")[0] or one["apiVersion"].partition("/")[0].endswith(".k8s.io"):
        return [fault for version in VERSIONS for fault in _built_in(one, version)]
    return list(_custom(one))


def _built_in(one: Object, version: str) -> Iterator[str]:
    try:
        kubernetes_validate.validate(one, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield f"{told(one)}, Kubernetes {version}: {'.'.join(map(str, error.path))}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError:
        yield f"{told(one)}: Kubernetes {version} knows no such kind"


def _custom(one: Object) -> Iterator[str]:
    path = schema_path(one)
    if not path.exists():
        yield f"{told(one)}: there is no schema {path.relative_to(SCHEMAS)}"
        return
    for error in Draft202012Validator(schema_at(path)).iter_errors(one):
        yield f"{told(one)}: {error.json_path}: {error.message}"


def schema_path(one: Object) -> Path:
    """Where the schema of an object's kind stands."""
    group, _, version = str(one["apiVersion"]).partition("/")
    return SCHEMAS / group / f"{one['kind']}_{version}.json"


def schema_at(path: Path) -> dict[str, Any]:
    """A schema."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def loose(schema: Any, pointer: str = "$") -> Iterator[str]:
    """Every object in a schema that lets unknown fields pass."""
    if isinstance(schema, dict):
        if schema.get("type") == "object" and "additionalProperties" not in schema:
            yield pointer
        for key, inner in schema.items():
            yield from loose(inner, f"{pointer}.{key}")
    elif isinstance(schema, list):
        for i, inner in enumerate(schema):
            yield from loose(inner, f"{pointer}[{i}]")
