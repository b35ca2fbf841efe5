"""What the monitoring component takes over from `deploy/observability`: rules, and dashboards as they are.

kustomize reads nothing outside its own folder, so the files are copies, and a test holds them equal to their originals.

Source: OPERATIONS.md 4, "monitoring".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

RULES: Final = ("rules", "platform")
"""Folders below `deploy/observability/prometheus`: for every installation, and for what operators export."""


def prometheus_rules(observability: Path) -> dict[str, dict[str, Any]]:
    """A PrometheusRule for each rule file, by the file's name, with the same groups."""
    files = [path for folder in RULES for path in sorted((observability / "prometheus" / folder).glob("*.yaml"))]
    return {path.name: _rule(path) for path in files}


def _rule(path: Path) -> dict[str, Any]:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": f"kizashi-{path.stem}"},
        "spec": yaml.safe_load(path.read_text(encoding="utf-8")),
    }


def dashboards(observability: Path) -> dict[str, str]:
    """Each dashboard's file name and content."""
    found = sorted((observability / "grafana" / "dashboards").glob("*.json"))
    return {path.name: path.read_text(encoding="utf-8") for path in found}
