"""The registry of fact types: each is one value in one file of this folder.

Source: ARCHITECTURE.md 5; INGEST.md 10.
"""

from __future__ import annotations

from typing import Any, Final

from kizashi_health.domain.fact import RAW_PREFIX, FactType
from kizashi_health.domain.facts.name import NAME
from kizashi_health.domain.facts.owner import OWNER
from kizashi_health.domain.facts.plan import PLAN
from kizashi_health.domain.facts.renewal import RENEWAL_DATE
from kizashi_health.domain.facts.revenue import ARR, MRR
from kizashi_health.domain.facts.seats import SEATS
from kizashi_health.domain.facts.standing import CUSTOMER_SINCE, STATUS

FACTS: Final[tuple[FactType[Any], ...]] = (
    NAME,
    OWNER,
    PLAN,
    STATUS,
    CUSTOMER_SINCE,
    SEATS,
    MRR,
    ARR,
    RENEWAL_DATE,
)

_BY_NAME: Final = {kind.name: kind for kind in FACTS}


def understood(name: str, raw: object) -> tuple[str, Any]:
    """The name under which a raw fact is kept, and its typed value; None clears. Unknown names keep their raw value.

    Raises: Invalid when a known fact has a value that cannot be one; a person is told, a system's fact is left out.
    """
    kind = _BY_NAME.get(name)
    if kind is None:
        return name if name.startswith(RAW_PREFIX) else RAW_PREFIX + name, raw
    return name, None if raw is None else kind.read(raw)
