"""The secrets of an installation on Kubernetes, made by chance and printed as manifests; nothing is written to a file.

Usage: python -m scripts.k8s.secrets --database-host postgres-rw | kubectl apply -f -
What it prints is the only copy until the cluster has it. A second run makes other secrets.

Source: OPERATIONS.md 4, "Secrets"; deploy/k8s/overlays/*/README.md list who reads what.
"""

from __future__ import annotations

import argparse
import secrets
import sys
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from kizashi_common.keys import API_CHANCE_BYTES, SOURCE_CHANCE_BYTES, new_api_key, new_source_key

ROLES: Final = ("migrator", "ingest", "health", "alerts", "gateway")
DATABASE: Final = "kizashi"


def made(host: str) -> dict[str, dict[str, str]]:
    """Every secret that no operator and no object store makes: name, key, value."""
    return {
        "kizashi": {
            "service-token": secrets.token_urlsafe(32),
            "master-keys": b64encode(secrets.token_bytes(32)).decode("ascii"),
        },
        "first-workspace": {"admin-key": _api_key(), "server-key": _server_key()},
        "canary": {"api-key": _api_key(), "server-key": _server_key()},
        **{f"database-{'migrate' if role == 'migrator' else role}": _login(role, host) for role in ROLES},
    }


def _api_key() -> str:
    return str(new_api_key(secrets.token_bytes(API_CHANCE_BYTES)))


def _server_key() -> str:
    return new_source_key("server", secrets.token_bytes(SOURCE_CHANCE_BYTES))


def _login(role: str, host: str) -> dict[str, str]:
    name, password = f"kizashi_{role}", secrets.token_urlsafe(32)
    url = f"postgresql://{name}:{password}@{host}:5432/{DATABASE}"
    return {"username": name, "password": password, "url": url}


def manifest(name: str, values: Mapping[str, str], namespace: str) -> dict[str, Any]:
    """A Secret. Logins are of the type that CloudNativePG wants."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": "kubernetes.io/basic-auth" if "username" in values else "Opaque",
        "stringData": dict(values),
    }


def main(arguments: Sequence[str]) -> int:
    """Prints the manifests."""
    parser = argparse.ArgumentParser(prog="scripts.k8s.secrets", description="Make an installation's secrets.")
    parser.add_argument("--database-host", required=True, help="postgres-rw with CloudNativePG, postgres in dev")
    parser.add_argument("--namespace", default="kizashi")
    options = parser.parse_args(arguments)
    documents = [manifest(name, values, options.namespace) for name, values in made(options.database_host).items()]
    yaml.safe_dump_all(documents, sys.stdout, sort_keys=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
