"""`kizashi ingest|health|alerts|gateway`: one service in one process, as a container runs it.

The operations port opens first. Whatever the service waits for afterwards (database, schema, broker, topics, its first
partitions), `startupz` says so, and nobody has to guess from a container that restarts.

Source: OPERATIONS.md 0 and 4.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from importlib import import_module
from importlib.metadata import version
from inspect import isawaitable
from typing import Final

from kizashi_cli.compose import environment, run_in_loop
from kizashi_cli.failures import described
from kizashi_common.db.migrate import wait_for_schema
from kizashi_common.errors import Absent, Busy, KizashiError
from kizashi_common.runtime.compose import resources
from kizashi_common.runtime.ops import Build, Ops
from kizashi_common.runtime.serve import Door, Stopping, ops_door, serve
from kizashi_common.runtime.service import Resources, Service
from kizashi_common.runtime.settings import ProcessSettings
from kizashi_common.telemetry.failpoints import arm
from kizashi_common.telemetry.logging import configure, get_logger
from kizashi_common.telemetry.tracing import exported
from kizashi_local.service_settings import OWN_SETTINGS, require
from kizashi_local.stopping import unless

PAUSE_S: Final = 1.0
"""Between two looks for what is not there yet."""


def main(service: str, arguments: Sequence[str]) -> int:
    """Exit 0 after an orderly stop, 1 when the service cannot run."""
    parser = argparse.ArgumentParser(prog=f"kizashi {service}", description=f"Run the service {service}.")
    parser.parse_args(arguments)
    around = environment()
    configure(
        text=around.get("KIZASHI_LOG_FORMAT") == "text",
        stream=sys.stdout,
        version=version("kizashi"),
        instance=around.get("KIZASHI_NODE", "local"),
        service=service,
    )
    try:
        require(around, (ProcessSettings, OWN_SETTINGS[service]))
        run_in_loop(Process(service, around).run())
    except (KizashiError, OSError, BaseExceptionGroup) as error:
        print(described(error), file=sys.stderr)
        return 1
    return 0


class Process:
    """One service and its ports, from the first second to the last."""

    def __init__(self, name: str, around: Mapping[str, str]) -> None:
        self._name = name
        self._around = around
        self._settings = ProcessSettings.read(around)
        self._ops = Ops([name], Build(version("kizashi"), self._settings.commit))
        self._stopping = Stopping(asyncio.Event(), asyncio.Event())
        self._log = get_logger(name)

    async def run(self) -> None:
        """Serves until asked to stop. Raises: what the service died of, as an exception group."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._ask)
        arm(self._settings.failpoints)
        with exported([self._name], version("kizashi"), self._settings.node, self._around):
            await self._run()

    async def _run(self) -> None:
        async with ops_door(self._ops, self._settings.listen_host, self._settings.ops_port), AsyncExitStack() as stack:
            made = await unless(self._stopping.stop, self._resources(stack))
            if made is None:
                return
            composing = import_module(f"kizashi_{self._name}.compose").compose(made)
            service: Service = await composing if isawaitable(composing) else composing
            await serve(self._ops, (service,), doors(service, self._settings), self._stopping, self._on_ready)

    async def _resources(self, stack: AsyncExitStack) -> Resources:
        """Database and broker, as soon as they are there and fit. Raises: Invalid."""
        self._ops.has_schema(suffices=False)
        await wait_for_schema(self._settings.database_url.get_secret_value(), self._waits)
        self._ops.has_schema(suffices=True)
        while True:
            try:
                return await stack.enter_async_context(resources(self._name, self._around))
            except (Busy, Absent) as error:
                self._waits(error.detail)
            await asyncio.sleep(PAUSE_S)

    def _waits(self, reason: str) -> None:
        if self._ops.waits_for(reason):
            self._log.warning("start_waits", detail=reason)

    async def _on_ready(self) -> None:
        self._log.info("service_ready")

    def _ask(self) -> None:
        if self._stopping.stop.is_set():
            self._stopping.hurry.set()
        self._stopping.stop.set()


def doors(service: Service, settings: ProcessSettings) -> list[Door]:
    """Which application of the service listens on which port."""
    routes = service.routes
    wanted = ((routes.public, settings.public_port, "public"), (routes.internal, settings.internal_port, "internal"))
    return [Door(app, settings.listen_host, port, name) for app, port, name in wanted if app is not None]
