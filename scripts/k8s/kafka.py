"""Kafka's resources for Strimzi, made from the table of topics: what exists, who may do what with it, who logs in how.

One table says which service writes and reads what; a right that is typed by hand beside it would drift.

Source: OPERATIONS.md 0, "Topics", and 4, "kafka-strimzi".
"""

from __future__ import annotations

import tomllib
from typing import Any, Final

from scripts.sizes import ROOT

from kizashi_common.bus.topic_plan import TopicPlan
from kizashi_common.contracts.topics import TOPICS, Topic

CLUSTER: Final = "kizashi"
SERVICES: Final = {"ingest": "StatefulSet", "health": "StatefulSet", "alerts": "Deployment", "gateway": "Deployment"}
"""Each service and the kind of its workload."""

_VERSION: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
MIGRATE: Final = f"migrate-{_VERSION.replace('.', '-')}"
"""The Job of this version."""

SECRETS: Final = "/run/secrets/kafka"
_API: Final = "kafka.strimzi.io/v1"
_LABELS: Final = {"strimzi.io/cluster": CLUSTER, "kizashi/backend": "kafka"}
_PLAN: Final = TopicPlan()


def user_name(service: str) -> str:
    """The login of a service; Strimzi names the secret with its password alike."""
    return f"kizashi-{service}"


def topics() -> list[dict[str, Any]]:
    """A KafkaTopic for each row of the table."""
    return [_topic(topic) for topic in TOPICS]


def _topic(topic: Topic) -> dict[str, Any]:
    return {
        "apiVersion": _API,
        "kind": "KafkaTopic",
        "metadata": {"name": topic.name, "labels": dict(_LABELS)},
        "spec": {
            "partitions": _PLAN.count(topic),
            "replicas": _PLAN.replication,
            "config": _PLAN.config(topic),
        },
    }


def users() -> list[dict[str, Any]]:
    """A KafkaUser for each service with the rights of the table, and one for `kizashi migrate`, which only looks."""
    migrate = _user("migrate", [_allow("topic", "kizashi.", ["Describe", "DescribeConfigs"], prefix=True)])
    return [*(_user(service, rights(service)) for service in SERVICES), migrate]


def rights(service: str) -> list[dict[str, Any]]:
    """What a service may do: learn the topics' shapes, write its own, read what it is told, commit in its groups."""
    rules = [_allow("topic", "kizashi.", ["Describe"], prefix=True)]
    rules += [_allow("topic", topic.name, ["Write"]) for topic in TOPICS if topic.producer == service]
    reads = [topic.name for topic in TOPICS if service in topic.consumers]
    rules += [_allow("topic", name, ["Read"]) for name in reads]
    if reads:
        rules.append(_allow("group", user_name(service), ["Read", "Describe"], prefix=True))
    return rules


def _allow(kind: str, name: str, operations: list[str], *, prefix: bool = False) -> dict[str, Any]:
    pattern = "prefix" if prefix else "literal"
    return {"resource": {"type": kind, "name": name, "patternType": pattern}, "operations": operations}


def _user(service: str, acls: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": _API,
        "kind": "KafkaUser",
        "metadata": {"name": user_name(service), "labels": dict(_LABELS)},
        "spec": {
            "authentication": {"type": "scram-sha-512"},
            "authorization": {"type": "simple", "acls": acls},
        },
    }


def credentials() -> list[dict[str, Any]]:
    """The patches that give each workload its login: Strimzi's secrets of the user and of the certificate authority."""
    services = [_login(kind, service, service) for service, kind in SERVICES.items()]
    return [*services, _login("Job", MIGRATE, "migrate")]


def _login(kind: str, name: str, service: str) -> dict[str, Any]:
    sources = [
        {"secret": {"name": user_name(service), "items": [{"key": "password", "path": "password"}]}},
        {"secret": {"name": f"{CLUSTER}-cluster-ca-cert", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    ]
    container = {
        "name": "kizashi",
        "env": [{"name": "KIZASHI_KAFKA_USER", "value": user_name(service)}],
        "volumeMounts": [{"name": "kafka", "mountPath": SECRETS, "readOnly": True}],
    }
    pod = {
        "containers": [container],
        "volumes": [{"name": "kafka", "projected": {"defaultMode": 0o440, "sources": sources}}],
    }
    return {
        "apiVersion": "batch/v1" if kind == "Job" else "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"template": {"spec": pod}},
    }
