"""Which plan the account is on."""

from __future__ import annotations

from typing import Final

from kizashi_health.domain.fact import FactType, read_text

PLAN: Final = FactType("plan", "text", "The plan that the account is on.", read_text)
