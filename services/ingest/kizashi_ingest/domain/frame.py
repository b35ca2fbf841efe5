"""What all items of a request share when they become envelopes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kizashi_common.contracts.events import IngestNote
from kizashi_ingest.domain import timing
from kizashi_ingest.domain.source_key import SourceKey

MadeId = Callable[[bytes, bool], str]
"""Makes the id of an item that has none, out of its bytes and whether it has a usable time."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What all items of a request share. `source_uri` is the envelope's `source`; `agent` the User-Agent header."""

    key: SourceKey
    note: IngestNote
    sending: timing.Sending
    age: timing.Age
    source_uri: str
    agent: str | None
    claims_history: bool = False
