"""`kizashi canary`: uses the product from outside, all day, and measures whether it still does what it is for.

It has a workspace of its own and nothing but public interfaces, so it sees what a customer sees and no customer's
figures see it.

Source: OPERATIONS.md 0 and 5.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version

from kizashi_cli.canary.compose import NAME, compose
from kizashi_cli.canary.doors import opened
from kizashi_cli.canary.settings import CanarySettings
from kizashi_cli.compose import environment, run_in_loop
from kizashi_cli.failures import described
from kizashi_common.errors import KizashiError
from kizashi_common.runtime.ops import Build, Ops
from kizashi_common.runtime.production import unsafe
from kizashi_common.runtime.serve import Stopping, ops_door, serve
from kizashi_common.runtime.settings import unacceptable, unknown
from kizashi_common.telemetry.logging import configure, get_logger
from kizashi_local.service_settings import KNOWN, OURS


def main(_: str, arguments: Sequence[str]) -> int:
    """Exit 0 after an orderly stop, 1 when the settings do not let it start."""
    parser = argparse.ArgumentParser(prog="kizashi canary", description="Use the product from outside and measure it.")
    parser.parse_args(arguments)
    try:
        settings = settings_of(environment())
        configure(text=settings.log_format == "text", stream=sys.stdout, version=version("kizashi"), service="canary")
        run_in_loop(_watch(settings))
    except (KizashiError, OSError, BaseExceptionGroup) as error:
        print(described(error), file=sys.stderr)
        return 1
    return 0


def settings_of(around: Mapping[str, str]) -> CanarySettings:
    """The canary's settings. Raises: Invalid with every fault at once; in production also for a secret said plainly."""
    settings, faults = CanarySettings.judged(around)
    mistyped = unknown(around, (*KNOWN, CanarySettings), OURS)
    refused = [fault for fault in unsafe(around, (CanarySettings,)) if fault.pointer in CanarySettings.names()]
    if settings is None or mistyped or refused:
        raise unacceptable([*mistyped, *faults, *refused])
    return settings


async def _watch(settings: CanarySettings) -> None:
    stopping = Stopping(asyncio.Event(), asyncio.Event())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.stop.set)

    async def on_ready() -> None:
        get_logger(NAME).info("service_ready")

    ops = Ops([NAME], Build(version("kizashi"), settings.commit))
    async with ops_door(ops, settings.listen_host, settings.ops_port), opened(settings) as doors:
        await serve(ops, (compose(settings, doors),), (), stopping, on_ready)
