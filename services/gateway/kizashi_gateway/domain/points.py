"""Parts that add up to their whole after rounding, too: who checks the sum on the page must find it right.

Source: SCORING.md 5, "Contributions" (largest remainder).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor


def tenths(parts: Sequence[float], total: float) -> list[float]:
    """The parts rounded to tenths so that they sum to the total rounded half up to a tenth.

    Shape: one answer per part, in order; each is within a tenth of its part when the parts sum to the total.
    """
    scaled = [part * 10 for part in parts]
    lower = [floor(value) for value in scaled]
    missing = floor(total * 10 + 0.5) - sum(lower)
    by_remainder = sorted(range(len(parts)), key=lambda i: scaled[i] - lower[i], reverse=True)
    for i in by_remainder[: max(0, missing)]:
        lower[i] += 1
    return [value / 10 for value in lower]
