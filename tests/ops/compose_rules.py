"""What must hold of a compose file, as functions over what it says: each returns the sentences that it breaks.

Source: OPERATIONS.md 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

OURS: Final = ("ingest", "health", "alerts", "gateway", "canary", "demo")
BEHIND: Final = ("kafka", "postgres")
MOST_FILES: Final = 20_000
_SECRET: Final = re.compile(r"(?:PASSWORD|SECRET|TOKEN|KEYS?|DATABASE_URL|CLUSTER_ID)$")

Compose = Mapping[str, Any]


def health_checks(compose: Compose) -> Iterator[str]:
    """In a list after CMD-SHELL only the first item is run: a check written so is always well."""
    for name, service in compose["services"].items():
        check = service.get("healthcheck")
        if check is None:
            if name != "migrate":
                yield f"{name}: nobody asks it how it is"
            continue
        if check.get("disable"):
            continue
        test = check["test"]
        if not isinstance(test, list) or test[0] not in ("CMD", "CMD-SHELL"):
            yield f"{name}: a check is a list that begins with CMD or CMD-SHELL"
        elif test[0] == "CMD-SHELL" and len(test) != 2:
            yield f"{name}: a CMD-SHELL list has exactly two items, since what follows is not run"


def published_ports(compose: Compose) -> Iterator[str]:
    """What is published listens on loopback: a machine on the net publishes nothing by accident."""
    for name, service in compose["services"].items():
        for port in service.get("ports", ()):
            host = port.get("host_ip") if isinstance(port, Mapping) else str(port).split(":", 1)[0]
            if host != "127.0.0.1":
                yield f"{name}: port {port} is not on 127.0.0.1"


def hardened(compose: Compose) -> Iterator[str]:
    """Our processes can do nothing but their work."""
    for name in OURS:
        service = compose["services"][name]
        wanted = {
            "read_only": service.get("read_only") is True,
            "cap_drop": service.get("cap_drop") == ["ALL"],
            "no-new-privileges": "no-new-privileges:true" in service.get("security_opt", ()),
            "tmpfs": bool(service.get("tmpfs")),
            "stop_grace_period": service.get("stop_grace_period") in ("60s", "1m0s"),
            "pids_limit": bool(service.get("pids_limit")),
        }
        yield from (f"{name}: lacks {what}" for what, is_there in wanted.items() if not is_there)


def limits(compose: Compose) -> Iterator[str]:
    """Nothing can take the machine from its neighbours."""
    for name, service in compose["services"].items():
        if not service.get("mem_limit"):
            yield f"{name}: its memory has no limit"
        files = service.get("ulimits", {}).get("nofile", {})
        for kind in ("soft", "hard"):
            if not 0 < _number(files.get(kind, 0)) <= MOST_FILES:
                yield f"{name}: nofile {kind} is not between 1 and {MOST_FILES}"


def _number(value: Any) -> int:
    found = re.search(r"\d+", str(value).rpartition(":-")[2])
    return int(found[0]) if found else 0


def networks(compose: Compose) -> Iterator[str]:
    """The log and the database are reached from behind alone."""
    for name in BEHIND:
        if _networks(compose["services"][name]) != {"back"}:
            yield f"{name}: is not on the network back alone"


def _networks(service: Compose) -> set[str]:
    return set(service.get("networks", ()))


def required_secrets(compose: Compose) -> Iterator[str]:
    """A secret has no default, and its absence names the command that makes it."""
    for name, service in compose["services"].items():
        for setting, value in (service.get("environment") or {}).items():
            if not _SECRET.search(setting):
                continue
            if ":?run make up}" not in str(value):
                yield f"{name}: {setting} does not say `run make up` when it is missing"


RAW_RULES: Final = (health_checks, published_ports, hardened, limits, networks, required_secrets)
"""Over the file as it is written, anchors merged and variables not yet replaced."""
