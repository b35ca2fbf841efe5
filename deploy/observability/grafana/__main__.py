"""Writes the dashboards' JSON: `python -m deploy.observability.grafana`; with `--check` it only says which are old."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from deploy.observability.grafana.boards import alerts, dependencies, gateway, health, ingest, overview
from deploy.observability.grafana.model import Dashboard
from deploy.observability.grafana.render import render

DASHBOARDS: Final[tuple[Dashboard, ...]] = (
    overview.DASHBOARD,
    ingest.DASHBOARD,
    health.DASHBOARD,
    alerts.DASHBOARD,
    gateway.DASHBOARD,
    dependencies.DASHBOARD,
)
FOLDER: Final = Path(__file__).parent / "dashboards"


def files() -> dict[str, str]:
    """Every file that belongs into the folder, by name, with its text."""
    return {
        f"{dashboard.name}.json": json.dumps(render(dashboard), indent=1, ensure_ascii=False) + "\n"
        for dashboard in DASHBOARDS
    }


def old(folder: Path = FOLDER) -> list[str]:
    """The names of files that are not what the generator writes, or that it does not write at all."""
    wanted, held = files(), {path.name: path.read_text("utf-8") for path in folder.glob("*")}
    return [*(name for name, text in wanted.items() if held.get(name) != text), *sorted(held.keys() - wanted.keys())]


def main(arguments: list[str]) -> int:
    """Writes, or with `--check` compares; 1 when a compared file is old."""
    parser = argparse.ArgumentParser(prog="python -m deploy.observability.grafana", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when a file is old")
    if parser.parse_args(arguments).check:
        found = old()
        sys.stderr.writelines(f"{name} is old: run python -m deploy.observability.grafana\n" for name in found)
        return 1 if found else 0
    for name, text in files().items():
        (FOLDER / name).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
