"""The score history of the account page: two pictures, for wide and narrow screens, and the rows behind them.

Source: ARCHITECTURE.md, decision 23.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from markupsafe import Markup

from kizashi_gateway.console.chart import NARROW, WIDE, Point, history
from kizashi_gateway.console.language import Words
from kizashi_gateway.queries.scores import ScoreDay, one_per_day

HISTORY_DAYS: Final = timedelta(days=90)
_FEWEST: Final = 2


@dataclass(frozen=True)
class History:
    """What the page shows: pictures where there are enough days for a line, and always the rows, newest first."""

    wide: Markup | None
    narrow: Markup | None
    rows: tuple[ScoreDay, ...]


async def history_of(days: tuple[ScoreDay, ...], words: Words) -> History:
    """The history to show of these rows."""
    chosen = one_per_day(days)
    points = _joined([Point(row.day, row.score, row.basis) for row in chosen if row.score is not None])
    rows = tuple(reversed(chosen))
    if len(points) < _FEWEST:
        return History(None, None, rows)
    wide = await history(points, words.language, WIDE)
    narrow = await history(points, words.language, NARROW)
    return History(wide, narrow, rows)


def _joined(points: list[Point]) -> list[Point]:
    """The same points, with each stretch of one basis reaching to the first point of the next: no gap in the line."""
    joined: list[Point] = []
    for point in points:
        if joined and joined[-1].basis != point.basis:
            joined.append(point._replace(basis=joined[-1].basis))
        joined.append(point)
    return joined
