"""What a started broker is to the rest of local mode, whichever kind it turned out to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from kizashi_common.errors import KizashiError
from kizashi_local.children import Child

Kind = Literal["external", "kafka", "volatile"]
Wanted = Literal["auto", "external", "kafka", "volatile"]
Progress = Callable[[str], None]
"""Told, in a short line for people, what takes long."""


class BrokerFailed(KizashiError):
    """The broker could not be set up or did not start."""

    code = "broker_failed"


class BrokerPlace(NamedTuple):
    """Where a broker lives: the data directory, and its two ports on 127.0.0.1 (`controller` is Kafka's alone)."""

    data: Path
    port: int
    controller: int


@dataclass(frozen=True)
class Broker:
    """A broker that answers. `cluster_hint` is its cluster id as it told it; `child` is None for somebody else's.

    `follows_volatile`: the data directory was on the volatile broker so far, whose log is gone for good.
    """

    kind: Kind
    bootstrap: str
    cluster_hint: str
    child: Child | None = None
    follows_volatile: bool = False

    async def stop(self) -> None:
        """Ends the broker in good order if it is our child; stopping twice is harmless."""
        if self.child is not None:
            await self.child.stop()
