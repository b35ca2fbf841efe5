"""The objectives as `slo.yaml` has them.

Source: OPERATIONS.md 6.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def seconds(span: str) -> int:
    """A Prometheus duration of one unit, such as 30m, in seconds. Raises: ValueError for anything else."""
    found = re.fullmatch(r"(\d+)([smhd])", span)
    if found is None:
        raise ValueError(f"{span!r} is no duration such as 30m")
    return int(found[1]) * _SECONDS[found[2]]


def number(value: float) -> str:
    """A number as short as it can be written exactly enough for a threshold."""
    return f"{value:.10g}"


@dataclass(frozen=True)
class Witness:
    """A gauge that tells of trouble while nothing finishes: above `bad_above_seconds` each span of a unit is bad."""

    metric: str
    bad_above_seconds: int
    unit_seconds: int


@dataclass(frozen=True)
class Slo:
    """One objective. `objective` is a percentage; `allowed` the share of bad units that it leaves."""

    name: str
    title: str
    service: str
    objective: float
    good: str
    effect: str
    witness: Witness | None

    @property
    def allowed(self) -> float:
        return round(1 - self.objective / 100, 9)

    @property
    def series(self) -> str:
        """How its recorded series begin: Prometheus has no hyphens in names."""
        return f"slo:{self.name.replace('-', '_')}"

    @property
    def alert(self) -> str:
        """The name of its burn alert."""
        return f"Kizashi{''.join(word.title() for word in self.name.split('-'))}Burn"


@dataclass(frozen=True)
class Burn:
    """How fast is too fast, over which two windows, for how long, and who hears of it."""

    factor: float
    long: str
    short: str
    lasting: str
    severity: str


@dataclass(frozen=True)
class Objectives:
    """All of `slo.yaml`."""

    days: int
    slos: tuple[Slo, ...]
    burns: tuple[Burn, ...]
    least_units: int

    @property
    def windows(self) -> tuple[str, ...]:
        """Every window of a burn, the shortest first."""
        return tuple(sorted({window for burn in self.burns for window in (burn.long, burn.short)}, key=seconds))


def read(path: Path) -> Objectives:
    """The objectives of a file. Raises: TypeError or ValueError for what is missing, unknown or of the wrong kind."""
    held: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    slos = tuple(
        Slo(**{"witness": None, **one, **({"witness": Witness(**one["witness"])} if "witness" in one else {})})
        for one in held["slos"]
    )
    burns = tuple(Burn(lasting=one.pop("for"), **one) for one in held["burns"])
    for slo in slos:
        if not 0 < slo.objective < 100:
            raise ValueError(f"{slo.name}: an objective lies between 0 and 100 percent")
    for burn in burns:
        if seconds(burn.short) >= seconds(burn.long):
            raise ValueError(f"the short window {burn.short} is not shorter than {burn.long}")
    return Objectives(held["days"], slos, burns, held["least_units"])
