"""How long, as people write it: `30s 5m 4h 3d 2w` elapsed, `4wh 2wd` in working time.

Conditions run on the time of snapshots, which knows no office hours, so only tasks may use working time.

Source: ALERTS.md 2 and 8.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

_ELAPSED: Final = re.compile(r"(\d{1,4})(s|m|h|d|w)")
_UNITS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def elapsed(text: str) -> timedelta:
    """The duration in a text. Raises: ValueError, saying how to write it."""
    found = _ELAPSED.fullmatch(text)
    if found is None:
        raise ValueError("write a duration as 30s, 5m, 4h, 3d or 2w")
    return int(found.group(1)) * _UNITS[found.group(2)]


def written(duration: timedelta) -> str:
    """The shortest text of a duration, in one unit."""
    for letter in ("w", "d", "h", "m"):
        unit = _UNITS[letter]
        if duration >= unit and duration % unit == timedelta(0):
            return f"{duration // unit}{letter}"
    return f"{int(duration.total_seconds())}s"


def _read(value: object) -> object:
    return elapsed(value) if isinstance(value, str) else value


Elapsed = Annotated[timedelta, BeforeValidator(_read)]
Due = Annotated[str, Field(pattern=r"^\d{1,4}(s|m|h|d|w|wh|wd)$")]
"""When a task is due: elapsed or working time, kept as written."""
