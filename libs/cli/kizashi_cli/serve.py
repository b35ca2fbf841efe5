"""`kizashi ingest|health|alerts|gateway`: one service in one process, as a container runs it.

Source: OPERATIONS.md 0.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from inspect import isawaitable
from typing import Final

from kizashi_cli.compose import environment, run_in_loop
from kizashi_cli.failures import described
from kizashi_common.db.migrate import wait_for_revision
from kizashi_common.errors import KizashiError
from kizashi_common.runtime.compose import resources
from kizashi_common.runtime.serve import Door, Stopping, run
from kizashi_common.runtime.service import Service
from kizashi_common.telemetry.failpoints import arm
from kizashi_common.telemetry.logging import configure, get_logger
from kizashi_local.service_settings import FAILPOINTS, refuse_mistyped

EVERYWHERE: Final = "0.0.0.0"  # noqa: S104  a container's own network; what leaves it is the platform's decision
PUBLIC_PORT: Final = 8000
INTERNAL_PORT: Final = 8001
OPS_PORT: Final = 9000


def main(service: str, arguments: Sequence[str]) -> int:
    """Exit 0 after an orderly stop, 1 when the service cannot run."""
    parser = argparse.ArgumentParser(prog=f"kizashi {service}", description=f"Run the service {service}.")
    parser.parse_args(arguments)
    around = environment()
    configure(text=around.get("KIZASHI_LOG_FORMAT") == "text", version=version("kizashi"))
    try:
        run_in_loop(_serve(service, around))
    except (KizashiError, OSError, BaseExceptionGroup) as error:
        print(described(error), file=sys.stderr)
        return 1
    return 0


async def _serve(name: str, around: Mapping[str, str]) -> None:
    stopping = Stopping(asyncio.Event(), asyncio.Event())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _ask, stopping)

    async def on_ready() -> None:
        get_logger(name).info("service_ready")

    refuse_mistyped(around)
    arm(around.get(FAILPOINTS, ""))
    async with resources(name, around) as made:
        await wait_for_revision(made.database, lambda said: get_logger(name).warning("schema_is_older", detail=said))
        composing = import_module(f"kizashi_{name}.compose").compose(made)
        service: Service = await composing if isawaitable(composing) else composing
        await run((service,), doors(service), OPS_PORT, stopping, on_ready)


def doors(service: Service) -> list[Door]:
    """Which application of the service listens on which port."""
    routes = service.routes
    wanted = ((routes.public, PUBLIC_PORT, "public"), (routes.internal, INTERNAL_PORT, "internal"))
    return [Door(app, EVERYWHERE, port, name) for app, port, name in wanted if app is not None]


def _ask(stopping: Stopping) -> None:
    if stopping.stop.is_set():
        stopping.hurry.set()
    stopping.stop.set()
