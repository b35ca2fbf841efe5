"""What `requirements.lock` and `requirements-image.lock` hold: names and versions, those of this machine marked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).resolve().parents[2]
EVERYTHING: Final = ROOT / "requirements.lock"
IMAGE: Final = ROOT / "requirements-image.lock"


class Pin(NamedTuple):
    """One locked distribution; `here` tells whether this machine's Python and system want it."""

    name: str
    version: str
    here: bool


def pins(lock: Path) -> list[Pin]:
    """Every pin of a lock, in its order."""
    joined = re.sub(r"\\\n", " ", lock.read_text(encoding="utf-8"))
    return [_pin(line) for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def _pin(line: str) -> Pin:
    stated = Requirement(re.split(r"\s+--", line)[0])
    version = next(one.version for one in stated.specifier if one.operator == "==")
    here = stated.marker is None or stated.marker.evaluate()
    return Pin(canonicalize_name(stated.name), version, here)
