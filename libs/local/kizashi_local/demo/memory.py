"""What a demo that runs by itself remembers: the day for which its past was made, and whether that is done.

The customers of the demo depend on that day. One that forgot it would, restarted tomorrow, make a second past beside
the first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Final

from kizashi_local.files import read_json, write_json

FILE: Final = "demo.json"


async def past_of(folder: Path, today: date, make: Callable[[date], Awaitable[None]]) -> date:
    """The day of the past. `make` makes it unless an earlier run has done so; one that was cut short, for its own day.

    Raises: OSError when the folder cannot be written; what `make` raises.
    """
    file = folder / FILE
    past = read_json(file)
    day = date.fromisoformat(str(past["day"])) if "day" in past else today
    if not past.get("made"):
        write_json(file, {"day": day.isoformat(), "made": False})
        await make(day)
        write_json(file, {"day": day.isoformat(), "made": True})
    return day
