"""Money as text: what was counted in floats is shown to the cent and no further.

Source: GATEWAY.md 1, "Bodies".
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

_CENT: Final = Decimal("0.01")


def decimal_text(amount: float) -> str:
    """A decimal without exponent, with at most two digits after the point and no empty ones."""
    cents = Decimal(repr(amount)).quantize(_CENT, ROUND_HALF_UP)
    return f"{cents:f}".rstrip("0").rstrip(".") if cents % 1 else f"{cents.to_integral_value():f}"
