"""What a flush did that is worth counting: plain numbers, told to nobody before it is committed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from kizashi_common.contracts.scores import Band, Reason


@dataclass(slots=True)
class Noted:
    """Filled while the engine works, one for each flush."""

    received: list[datetime] = field(default_factory=list)
    """When each live event that was counted had been received."""
    appended: list[datetime] = field(default_factory=list)
    """When each imported event that was counted had been appended: it was received for another purpose than now."""
    traced: tuple[str | None, datetime] | None = None
    """The last live event of a recorded trace: that trace, and when the event had been received."""
    late: int = 0
    """Live events of days that were over."""
    computed: Counter[Reason] = field(default_factory=Counter)
    published: Counter[Reason] = field(default_factory=Counter)
    band_changes: Counter[tuple[Band | None, Band | None]] = field(default_factory=Counter)
    sweeping: tuple[int, ...] = ()
    """The wakes of days that have begun and are not done."""
    swept: list[int] = field(default_factory=list)
    """Those of which the last account is done."""
