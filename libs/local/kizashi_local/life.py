"""The life of one `kizashi up`: start in the order of needing, serve, stop in reverse after draining.

Source: OPERATIONS.md 1.6.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from kizashi_common.runtime.compose import chance, clock, new_uuid
from kizashi_common.runtime.serve import Stopping, run
from kizashi_common.telemetry.failpoints import arm
from kizashi_common.telemetry.logging import configure
from kizashi_common.telemetry.tracing import exported
from kizashi_local.addresses import LOOPBACK, claim
from kizashi_local.broker.broker import Wanted
from kizashi_local.compose import compose_all
from kizashi_local.demo.run import live
from kizashi_local.first_workspace import Founding, first_workspace
from kizashi_local.instance import Instance, orphans
from kizashi_local.opened import Opened
from kizashi_local.ready import Ready
from kizashi_local.servers import Servers, Starting, prepare
from kizashi_local.service_settings import FAILPOINTS, SERVICES, refuse_mistyped
from kizashi_local.stopping import Interrupts, ends_soon, unless

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Wish:
    """What `kizashi up` was asked for. `host` is where gateway and ingest listen; nothing else leaves loopback."""

    data: Path
    port_base: int | None = None
    broker: Wanted = "auto"
    host: str = LOOPBACK
    demo: bool = False
    reset: bool = False


class Steps:
    """Tells people each step with its time."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._began = self._last = time.monotonic()

    def __call__(self, line: str) -> None:
        """A step is done: how long it took, and what it was."""
        now = time.monotonic()
        self._tell(f"{now - self._last:6.1f} s  {line}")
        self._last = now

    def total(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began


class LocalMode:
    """One `kizashi up`."""

    def __init__(
        self, wish: Wish, environment: Mapping[str, str], tell: Tell, announce: Callable[[Ready], None]
    ) -> None:
        self._wish = wish
        self._environment = environment
        self._tell = tell
        self._announce = announce
        self._instance: Instance | None = None
        self.interrupts = Interrupts(tell, self.kill)

    @property
    def _stopping(self) -> Stopping:
        return self.interrupts.stopping

    def kill(self) -> None:
        """Ends children and process at once."""
        for child in orphans(self._instance.state if self._instance else None):
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        os._exit(1)

    async def run(self) -> None:
        """Starts, serves until asked to stop, and stops.

        Raises: a KizashiError that says what to do when a step of the start fails; an exception group when a worker or
        a child dies.
        """
        refuse_mistyped(self._environment)
        arm(self._environment.get(FAILPOINTS, ""))
        instance = self._instance = Instance.take(self._wish.data)
        try:
            if self._wish.reset:
                await instance.reset(self._tell)
            await instance.stop_orphans(self._tell)
            # Open to the end of the process: clients that are dropped while stopping still have things to say.
            ours = instance.state.version
            text = self._environment.get("KIZASHI_LOG_FORMAT") == "text"
            configure(text=text, stream=instance.open_log(), version=ours)
            with exported(SERVICES, ours, "local", self._environment):
                async with AsyncExitStack() as stack:
                    await self._run(instance, stack)
            instance.stopped_clean(clock())
        finally:
            instance.release()

    async def _run(self, instance: Instance, stack: AsyncExitStack) -> None:
        steps = Steps(self._tell)
        addresses = claim(instance.data, self._wish.port_base)
        starting = Starting(instance, addresses, self._environment, self._tell, steps)
        servers = await unless(self._stopping.stop, self._servers(starting, stack, steps))
        if servers is None:
            return
        secrets = instance.data / "secrets"
        composed = await compose_all(servers, secrets, self._environment, addresses, stack)
        databases = composed.resources["gateway"].database, composed.resources["ingest"].database
        first = await first_workspace(secrets, Founding(*databases, clock, chance, new_uuid))
        steps("Services composed")
        opened = Opened(instance, servers, composed, addresses, first)
        await self._serve(opened, steps)
        self._tell("Stopped the services; stopping broker and database.")

    async def _servers(self, starting: Starting, stack: AsyncExitStack, steps: Steps) -> Servers:
        postgres, database = await starting.database(stack)
        broker = await starting.broker(stack, self._wish.broker)
        servers = Servers(postgres, database, broker)
        await prepare(servers, starting.instance, chance, clock)
        steps("Schema, roles and topics in place")
        return servers

    async def _serve(self, opened: Opened, steps: Steps) -> None:
        """Serves until the end; the demo stops before the doors close, and a dead child ends everything."""
        closing = Stopping(asyncio.Event(), self._stopping.hurry)
        is_open = asyncio.Event()

        async def on_ready() -> None:
            steps(f"Services ready, {steps.total():.1f} s after the start")
            is_open.set()

        composed = opened.composed
        doors = composed.doors(opened.addresses, self._wish.host)
        async with asyncio.TaskGroup() as group:
            watchers = [group.create_task(child.watch(), name=child.name) for child in opened.servers.children]
            watchers.append(group.create_task(self._until_stop(opened, is_open, closing), name="life"))
            await run(composed.services, doors, opened.addresses.ops, closing, on_ready)
            for watcher in watchers:
                watcher.cancel()

    async def _until_stop(self, opened: Opened, is_open: asyncio.Event, closing: Stopping) -> None:
        async with asyncio.TaskGroup() as group:
            living = group.create_task(self._live(opened, is_open))
            await self._stopping.stop.wait()
            await ends_soon(living, self._stopping.hurry)
        closing.stop.set()

    async def _live(self, opened: Opened, is_open: asyncio.Event) -> None:
        """From open doors to the wish to stop: the demo's past where it is wanted, the announcement, live use."""
        stop = self._stopping.stop
        await unless(stop, opened.wait(is_open, self._tell))
        if stop.is_set():
            return
        if not self._wish.demo:
            await self._show(opened)
            return
        async with opened.demo(self._tell) as demo:
            day = await unless(stop, opened.make_past(demo))
            if day is not None:
                await self._show(opened)
                await live(demo, day, stop)

    async def _show(self, opened: Opened) -> None:
        self._announce(await opened.ready())
        opened.instance.update(keys_shown=True)
