"""How many seats the contract has."""

from __future__ import annotations

from typing import Final

from kizashi_health.domain.fact import FactType, read_number

SEATS: Final = FactType("seats", "number", "Seats that the account has bought.", read_number)
