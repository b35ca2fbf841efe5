"""Plants one violation at a time in a copy of the packages and asks import-linter about the contract that it breaks.

Run as a process of its own, because the modules of the copy must be found instead of the installed ones. Takes the
copy's root and a JSON list of plants; prints which of them were caught.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import NamedTuple


class Plant(NamedTuple):
    """A line of code in a module where it must not stand. A module that exists gets the line at its end."""

    contract: str
    module: str
    line: str


def packages(root: Path) -> dict[str, Path]:
    """Where each import package lies under the root."""
    found = (path for part in ("libs", "services") for path in (root / part).glob("*/kizashi_*"))
    return {path.name: path for path in found if path.is_dir()}


def file_of(module: str, folders: dict[str, Path]) -> Path:
    """The file that is, or would be, this module."""
    package, *inner = module.split(".")
    path = folders[package].joinpath(*inner)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def kept(contract: str | None, cache: Path) -> tuple[bool, str]:
    """Whether the contract (or every one) holds now, and what the linter said."""
    from importlinter.application.use_cases import lint_imports
    from importlinter.configuration import configure

    configure()
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        holds = lint_imports(
            config_filename="pyproject.toml",
            limit_to_contracts=(contract,) if contract else (),
            cache_dir=str(cache),
            no_logo=True,
        )
    return holds, said.getvalue()


def caught(plant: Plant, folders: dict[str, Path], cache: Path) -> bool:
    """Whether the linter names the planted module as the culprit. The copy is left as it was."""
    path = file_of(plant.module, folders)
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.write_text(f"{before or ''}\n{plant.line}\n", encoding="utf-8")
    try:
        holds, said = kept(plant.contract, cache)
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before, encoding="utf-8")
    package_or_module = plant.module.removesuffix(".__init__")
    return not holds and package_or_module.rpartition(".")[2] in said and "BROKEN" in said


def main(root: Path, plants: list[Plant]) -> dict[str, object]:
    """What the linter says of the clean copy, and which plants it caught."""
    folders = packages(root)
    cache = root / "cache"
    holds, said = kept(None, cache)
    return {"clean": holds, "said": said, "caught": [caught(plant, folders, cache) for plant in plants]}


if __name__ == "__main__":
    given = [Plant(*plant) for plant in json.loads(sys.stdin.read())]
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), given)))
