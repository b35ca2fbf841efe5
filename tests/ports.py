"""TCP ports for what a test starts, no two alike in one test run.

None is one that the system lends to outgoing connections: what stops and starts again over the same port would
sometimes find it lent. None is one that the product takes in place of a taken one.
"""

from __future__ import annotations

import os
from itertools import chain
from typing import Final

from kizashi_local.addresses import OFFSETS, is_free

_RANGE: Final = range(10_240, 19_900)
_START: Final = os.getpid() * 101 % len(_RANGE)
"""Test runs at the same time begin far apart."""

_LEFT: Final = chain(_RANGE[_START:], _RANGE[:_START])


def free_port() -> int:
    """A port of the loopback address that nobody listens on now and no test was given before."""
    return next(port for port in _LEFT if is_free(port))


def free_base() -> int:
    """A port base for `kizashi up --port-base`: it and the ports that the product counts from it are free now."""
    span = max(OFFSETS.values()) + 1
    run: list[int] = []
    while len(run) < span:
        port = free_port()
        run = [*run, port] if run and port == run[-1] + 1 else [port]
    return run[0]
