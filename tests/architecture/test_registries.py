"""A registry is written out in its folder's `__init__.py`; a file there that it forgets does not exist for anybody.

Resources need different collaborators each, so the gateway's wiring diagram is their registry; likewise for pages.

Source: ARCHITECTURE.md 5.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import pytest

from kizashi_common.contracts.signals import SIGNALS
from kizashi_health.domain.signals import CATALOGUE

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDERS: Final = {
    "dialects": ROOT / "services/ingest/kizashi_ingest/domain/dialects",
    "signals": ROOT / "services/health/kizashi_health/domain/signals",
    "facts": ROOT / "services/health/kizashi_health/domain/facts",
    "curves": ROOT / "services/health/kizashi_health/domain/curves",
    "channels": ROOT / "services/alerts/kizashi_alerts/adapters/channels",
    "rest": ROOT / "services/gateway/kizashi_gateway/rest",
    "pages": ROOT / "services/gateway/kizashi_gateway/console/pages",
}
WRITTEN_IN: Final = {
    "rest": ROOT / "services/gateway/kizashi_gateway/compose.py",
    "pages": ROOT / "services/gateway/kizashi_gateway/console/app.py",
}
SHARED: Final = {"rest": {"door", "openapi"}}
"""Modules that are no entries: what all entries of the folder stand on, named in the contract `strangers` too."""
PRESENT: Final = {name: folder for name, folder in FOLDERS.items() if folder.is_dir()}


def entries(folder: Path) -> set[str]:
    """What lies in a registry's folder: a module, or a package with something in it."""
    modules = {path.stem for path in folder.glob("*.py") if path.stem != "__init__"}
    packages = {path.parent.name for path in folder.glob("*/*.py")}
    return modules | packages


def registered(text: str, folder: Path) -> set[str]:
    """The entries whose contents a tuple, mapping or union of the registry's text names.

    An import alone registers nothing: the imported name must be used again.
    """
    tree = ast.parse(text)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    found: set[str] = set()
    prefix = ".".join(folder.relative_to(ROOT).parts[2:]) + "."
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or node.module is None:
            continue
        for alias in node.names:
            name = f"{node.module}.{alias.name}"
            if name.startswith(prefix) and (alias.asname or alias.name) in used:
                found.add(name.removeprefix(prefix).split(".")[0])
    return found


@pytest.mark.parametrize("name", PRESENT)
def test_every_file_of_a_registry_is_registered(name: str) -> None:
    folder = PRESENT[name]
    assert entries(folder), "an empty registry is a folder too many"
    text = WRITTEN_IN.get(name, folder / "__init__.py").read_text(encoding="utf-8")
    assert entries(folder) - SHARED.get(name, set()) - registered(text, folder) == set()


def test_an_import_that_nobody_uses_registers_nothing() -> None:
    text = (
        "from kizashi_health.domain.signals import usage\n"
        "from kizashi_health.domain.signals.seats import SEATS\n"
        "ALL = (*SEATS,)\n"
    )
    assert registered(text, FOLDERS["signals"]) == {"seats"}


def test_rules_may_read_exactly_the_signals_that_health_declares() -> None:
    types = {"num": "number", "bool": "flag", "text": "text", "date": "text", "list": "texts"}
    assert {name: types[signal.type] for name, signal in CATALOGUE.items()} == SIGNALS
