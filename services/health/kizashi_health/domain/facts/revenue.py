"""What the account pays, by the year or by the month."""

from __future__ import annotations

from typing import Final

from kizashi_health.domain.fact import FactType, read_money

ARR: Final = FactType("arr", "money", "Yearly recurring revenue.", read_money)
MRR: Final = FactType("mrr", "money", "Monthly recurring revenue; a twelfth of the yearly one.", read_money)
