"""What the commands take from the process around them: the environment, and the event loop to run in."""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import Coroutine, Mapping
from typing import TypeVar

import uvloop

Answer = TypeVar("Answer")


def environment() -> Mapping[str, str]:
    """The environment as it was at the start."""
    return dict(os.environ)


def account() -> str:
    """Who runs the command, as the system names the account; its number where it has no name."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def is_root() -> bool:
    """Whether the process runs as root."""
    return os.geteuid() == 0


def run_in_loop(work: Coroutine[None, None, Answer]) -> Answer:
    """Runs the work to its end in the fast event loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
