"""The demo's past is made once, for one day, whatever happens in between."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from kizashi_local.demo.memory import past_of

TODAY = date(2026, 11, 24)


class Making:
    """Counts the pasts, and fails where that is wanted."""

    def __init__(self) -> None:
        self.days: list[date] = []
        self.fails = False

    async def __call__(self, day: date) -> None:
        self.days.append(day)
        if self.fails:
            raise RuntimeError


async def test_the_past_is_made_once(tmp_path: Path) -> None:
    making = Making()
    assert await past_of(tmp_path, TODAY, making) == TODAY
    assert await past_of(tmp_path, TODAY + timedelta(days=3), making) == TODAY
    assert making.days == [TODAY]


async def test_one_that_was_cut_short_is_made_again_for_its_own_day(tmp_path: Path) -> None:
    making = Making()
    making.fails = True
    with pytest.raises(RuntimeError):
        await past_of(tmp_path, TODAY, making)
    making.fails = False
    assert await past_of(tmp_path, TODAY + timedelta(days=1), making) == TODAY
    assert making.days == [TODAY, TODAY]
