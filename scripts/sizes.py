"""How long our functions and files are: median, p90, longest. Fails above the hard bounds.

Small things can be read whole; a bound that is printed at every check is kept without a debate.

Source: ARCHITECTURE.md 8, "Size".
"""

from __future__ import annotations

import ast
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[1]
FUNCTION_LINES: Final = 60
FILE_LINES: Final = 400
PARAMETERS: Final = 6
AIM_FUNCTION: Final = 25
AIM_FILE: Final = 200


class Sized(NamedTuple):
    """A file or a function, and how much of it there is."""

    where: str
    size: int


class Sizes(NamedTuple):
    """All that was measured. Units: lines; of `parameters`, how many a caller can give."""

    files: list[Sized]
    functions: list[Sized]
    parameters: list[Sized]


def sources(root: Path = ROOT) -> list[Path]:
    """Every Python file that ships."""
    return sorted(path for folder in ("libs", "services") for path in (root / folder).rglob("*.py"))


def measure(paths: Iterable[Path], root: Path = ROOT) -> Sizes:
    """Files without a line are left out: they say only that a folder is a package.

    A function that holds others (a router and its routes) counts without them: each is measured by itself.
    """
    sizes = Sizes([], [], [])
    for path in paths:
        text = path.read_text(encoding="utf-8")
        if not text.strip():
            continue
        where = str(path.relative_to(root))
        sizes.files.append(Sized(where, len(text.splitlines())))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, _FUNCTION):
                name = f"{where}:{node.lineno} {node.name}"
                sizes.functions.append(Sized(name, len(_own_lines(node))))
                sizes.parameters.append(Sized(name, _parameters(node)))
    return sizes


def too_large(sizes: Sizes) -> list[str]:
    """A sentence for everything above its hard bound."""
    bounds = (
        (sizes.functions, FUNCTION_LINES, "lines in a function"),
        (sizes.files, FILE_LINES, "lines in a file"),
        (sizes.parameters, PARAMETERS, "parameters"),
    )
    return [
        f"{found.where}: {found.size} {what}, {bound} are allowed"
        for measured, bound, what in bounds
        for found in measured
        if found.size > bound
    ]


def percentile(sizes: Sequence[Sized], share: float) -> int:
    """The size that `share` of them do not exceed (nearest rank)."""
    ordered = sorted(found.size for found in sizes)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0


def main() -> int:
    """Prints the figures; 1 when something is too large."""
    sizes = measure(sources())
    for title, measured, aim in (("functions", sizes.functions, AIM_FUNCTION), ("files", sizes.files, AIM_FILE)):
        longest = max(measured, key=lambda found: found.size, default=Sized("none", 0))
        print(
            f"{title}: {len(measured)}, lines p50 {percentile(measured, 0.5)}, p90 {percentile(measured, 0.9)}"
            f" (aim {aim}), max {longest.size} ({longest.where})"
        )
    faults = too_large(sizes)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


_FUNCTION: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


def _own_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[int]:
    lines = set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    for inner in ast.walk(node):
        if isinstance(inner, _FUNCTION) and inner is not node:
            first = min([inner.lineno, *(decorator.lineno for decorator in inner.decorator_list)])
            lines -= set(range(first, (inner.end_lineno or inner.lineno) + 1))
    return lines


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    given = [*node.args.posonlyargs, *node.args.args]
    own = 1 if given and given[0].arg in ("self", "cls") else 0
    return len(given) - own + len(node.args.kwonlyargs)


if __name__ == "__main__":
    sys.exit(main())
