"""What people call the account."""

from __future__ import annotations

from typing import Final

from kizashi_health.domain.fact import FactType, read_text

NAME: Final = FactType("name", "text", "The account's name, as people know it.", read_text)
