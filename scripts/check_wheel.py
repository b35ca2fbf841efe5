"""Whether a built wheel holds everything that its packages need: code, templates, styles, words, starter documents.

A template that is missing from the wheel shows only where the wheel is installed, which is nowhere that tests run.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
RUNBOOKS: Final = "kizashi_gateway/console/pages/runbooks/texts"
DATA: Final = (".html", ".yaml", ".json", ".css", ".toml", ".md")
"""Kinds of file of which at least one must be there: an empty answer would prove nothing."""


def wanted(root: Path = ROOT) -> set[str]:
    """Every file of every import package, as its path inside a wheel."""
    packages = (folder for part in ("libs", "services") for folder in (root / part).glob("*/kizashi_*"))
    own = {
        str(path.relative_to(package.parent))
        for package in packages
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    # The gateway serves the runbooks, which people keep among the documents.
    return own | {f"{RUNBOOKS}/{page.name}" for page in (root / "docs" / "runbooks").glob("*.md")}


def faults(wheel: Path, root: Path = ROOT) -> list[str]:
    """A sentence for everything that is missing."""
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        head = archive.read(metadata).decode("utf-8")
    missing = [f"missing: {name}" for name in sorted(wanted(root) - held)]
    foreign = [f"not ours: {name}" for name in sorted(held - wanted(root))]
    kinds = [f"no {kind} file at all" for kind in DATA if not any(name.endswith(kind) for name in held)]
    licence = [] if "\nLicense-Expression: Apache-2.0\n" in head else ["the metadata does not name the licence"]
    return missing + foreign + kinds + licence


def main(wheels: list[str]) -> int:
    """Prints what is wrong with each wheel; 1 when there is anything, or no wheel."""
    found = [f"{wheel}: {fault}" for wheel in wheels for fault in faults(Path(wheel))]
    for fault in found:
        print(fault, file=sys.stderr)
    if wheels and not found:
        print(f"{', '.join(wheels)}: {len(wanted())} files, whole")
    return 1 if found or not wheels else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
