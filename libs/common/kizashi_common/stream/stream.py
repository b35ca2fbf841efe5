"""What drives one topic: the client, the ledger, the rows, and the rhythm; a value that `compose.py` makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic

from kizashi_common.bus.bus import Consumer, Producer
from kizashi_common.stream.ledger import Ledger
from kizashi_common.stream.shapes import Committed, F, K, R, Store, unheard
from kizashi_common.stream.slot import Beat


@dataclass(frozen=True)
class Stream(Generic[K, R, F]):
    """What a runner is made of. `sends_to` is the topic of the slots' outboxes; without one engines send nothing.

    `committed` hears of every flush that was committed. `second_look` is how often stopped partitions are looked after.
    """

    service: str
    topic: str
    consumer: Consumer
    producer: Producer
    ledger: Ledger
    store: Store[K, R, F]
    clock: Callable[[], datetime]
    sends_to: str
    replaceable: bool = False
    beat: Beat = field(default_factory=Beat)
    second_look: timedelta = timedelta(seconds=5)
    committed: Committed[F] = unheard
