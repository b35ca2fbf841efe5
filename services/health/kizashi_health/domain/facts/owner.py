"""Who looks after the account."""

from __future__ import annotations

from typing import Final

from kizashi_health.domain.fact import FactType, read_text

OWNER: Final = FactType("owner", "text", "The member who looks after the account: an id or a mail address.", read_text)
