"""How things look in Grafana's dark theme: its colours, and how it writes a figure in a unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from deploy.observability.grafana.model import Json

CANVAS: Final = "#111217"
PANEL: Final = "#181b1f"
EDGE: Final = "#2c3036"
TEXT: Final = "#ccccdc"
FAINT: Final = "#8e8e9c"

NAMED: Final = {
    "green": "#73bf69", "yellow": "#fade2a", "orange": "#ff9830", "red": "#f2495c", "dark-red": "#c4162a",
    "blue": "#5794f2", "purple": "#b877d9", "text": "#9fa7b3", "transparent": PANEL,
}  # fmt: skip
PALETTE: Final = (
    "#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42", "#1f78c1", "#ba43a9", "#705da0", "#508642", "#cca300",
)  # fmt: skip

_TIMES: Final = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"), (0.001, "ms"), (0.000_001, "µs"))
_BYTES: Final = ((1_073_741_824.0, "GiB"), (1_048_576.0, "MiB"), (1_024.0, "KiB"), (1.0, "B"))
_THOUSANDS: Final = ((1e9, "Bil"), (1e6, "Mil"), (1e3, "K"), (1.0, ""))
_WORDS: Final = {
    "eps": "evt/s", "reqps": "req/s", "recps": "rec/s", "rowsps": "rows/s", "mps": "msg/s",
}  # fmt: skip


def said(value: float, unit: str, decimals: int | None = None) -> str:
    """A figure as Grafana writes it."""
    if unit == "percentunit":
        return f"{_short(value * 100, decimals)}%"
    steps = {"s": _TIMES, "bytes": _BYTES}.get(unit, _THOUSANDS)
    size, word = next(((size, word) for size, word in steps if abs(value) >= size), steps[-1] if value else (1, ""))
    if not value and unit in ("s", "bytes"):
        word = "s" if unit == "s" else "B"
    if unit.startswith("suffix:"):
        return f"{_short(value, decimals)}{unit.removeprefix('suffix:')}"
    after = _WORDS.get(unit, "")
    return " ".join(part for part in (_short(value / size, decimals), word, after) if part)


def _short(value: float, decimals: int | None) -> str:
    if decimals is not None:
        return f"{value:.{decimals}f}"
    return f"{value:.3g}" if abs(value) < 1_000 else f"{value:.0f}"


def colour_at(value: float, thresholds: Json) -> str:
    """The colour of a value by its panel's lines."""
    steps: Sequence[Json] = thresholds["steps"]
    passed = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return NAMED[passed[-1]]


def meaning(value: float, mappings: Sequence[Json]) -> tuple[str, str] | None:
    """The word and colour that a mapping gives to a value."""
    for mapping in mappings:
        given = mapping["options"].get(f"{value:.0f}")
        if given is not None:
            return given["text"], NAMED[given["color"]]
    return None


def has_two_axes(panel: Json) -> bool:
    """Whether some legend of a panel has a unit of its own."""
    return any(one["id"] == "unit" for override in panel["fieldConfig"]["overrides"] for one in override["properties"])


def own(panel: Json, legend: str) -> dict[str, Any]:
    """What a panel sets for one legend alone."""
    overrides = [one for one in panel["fieldConfig"]["overrides"] if one["matcher"]["options"] == legend]
    return {one["id"]: one["value"] for override in overrides for one in override["properties"]}
