"""Named steps at which a test ends the process, as a crash would: at once, nothing flushed, no handler run.

Set once at start by the composition root from `KIZASHI_FAILPOINTS`; production refuses to start with any.

Source: OPERATIONS.md 11.
"""

from __future__ import annotations

import os
from typing import Final

_EXIT: Final = 86
_armed: dict[str, int] = {}


def arm(names: str) -> None:
    """Arms steps: `flush.3` ends the process the first time it is reached, `flush.3@40` the fortieth time."""
    _armed.clear()
    for name in filter(None, (part.strip() for part in names.split(","))):
        step, _, count = name.partition("@")
        _armed[step] = int(count or 1)


def failpoint(step: str) -> None:
    """Ends the process if this step is armed and due. Costs a dictionary look-up otherwise."""
    if not _armed:
        return
    left = _armed.get(step)
    if left is None:
        return
    if left <= 1:
        os._exit(_EXIT)
    _armed[step] = left - 1
