"""A refused item, whole, with its reason: nothing vanishes silently.

Source: INGEST.md 13.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, get_args

import msgspec

QuarantineCode = Literal[
    "not_an_event",
    "unknown_type",
    "missing_event_name",
    "name_too_long",
    "no_identity",
    "invalid_identifier",
    "invalid_attribute",
    "invalid_fact",
    "number_too_large",
    "too_deep",
    "event_too_large",
    "record_too_large",
    "too_old",
    "id_conflict",
    "not_allowed",
]
CODES: Final[tuple[QuarantineCode, ...]] = get_args(QuarantineCode)

KEPT_BYTES: Final = 262_144
"""Up to here an item is kept whole, so that it can be replayed; of a larger one `TEASER_BYTES` are kept."""

TEASER_BYTES: Final = 1_024


class Quarantined(msgspec.Struct, frozen=True):
    """One refused item. `raw` is the item's bytes (base64 in JSON); `pointer` says where in it the fault is."""

    code: QuarantineCode
    pointer: str
    detail: str
    workspace: str
    source: str
    dialect: str
    received_at: datetime
    request_id: str
    raw: bytes
    truncated: bool
    event_id: str | None = None
    account: str | None = None
    library: str | None = None
    attempts: int = 1
    refused: bool = True


_DECODER: Final = msgspec.json.Decoder(Quarantined)


def encode(message: Quarantined) -> bytes:
    """The value of the record."""
    return msgspec.json.encode(message)


def decode(value: bytes) -> Quarantined:
    """The refusal in a record's value."""
    return _DECODER.decode(value)
