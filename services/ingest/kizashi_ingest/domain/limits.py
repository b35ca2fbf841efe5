"""How much is taken: one value with every limit, so that a test or an installation can lower one.

Source: INGEST.md 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

NAME_CHARACTERS: Final = 200
ID_BYTES: Final = 256
DEPTH: Final = 32
KEYS_PER_OBJECT: Final = 500
KEY_BYTES: Final = 2_000
STRING_BYTES: Final = 8_192
FACT_TEXT_BYTES: Final = 1_024
FACT_LIST: Final = 50
FACTS_PER_ACCOUNT: Final = 100
MOST_DIGITS: Final = 40
WARNINGS_KEPT: Final = 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Units: bytes, and ages as durations. `record_bytes` bounds the encoded envelope."""

    wire_bytes: int = 8 * 1_048_576
    inflated_bytes: int = 20 * 1_048_576
    events: int = 5_000
    event_bytes: int = 262_144
    record_bytes: int = 900_000
    accept_age: timedelta = timedelta(days=30)
    import_age: timedelta = timedelta(days=3_660)
