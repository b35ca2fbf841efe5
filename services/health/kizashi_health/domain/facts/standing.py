"""Whether the account is a customer just now, and since when."""

from __future__ import annotations

from typing import Final

from kizashi_health.domain.fact import FactType, read_date, read_text


def _read_status(raw: object) -> str:
    return read_text(raw).casefold()


STATUS: Final = FactType(
    "status", "text", "paused, churned and internal take an account out of calibration and rules.", _read_status
)
CUSTOMER_SINCE: Final = FactType("customer_since", "date", "The day on which the account became a customer.", read_date)
