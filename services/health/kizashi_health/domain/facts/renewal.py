"""When the contract comes up for renewal."""

from __future__ import annotations

from typing import Final

from kizashi_health.domain.fact import FactType, read_date

RENEWAL_DATE: Final = FactType("renewal_date", "date", "The day on which the contract renews or ends.", read_date)
