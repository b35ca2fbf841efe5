"""Any number of services in one process: doors open, workers run, and everything stops in reverse.

A worker that dies takes the process down: supervisors restart, loops do not swallow. An orderly stop closes the doors
first, so that nothing new comes in, then lets each service drain what it has, then ends the workers.

Source: ARCHITECTURE.md 2, "Four shapes"; OPERATIONS.md 1.6.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from datetime import timedelta
from importlib.metadata import version
from typing import Final, NamedTuple

import uvicorn
from starlette.types import ASGIApp

from kizashi_common.runtime.ops import Build, Ops
from kizashi_common.runtime.service import Service, Worker
from kizashi_common.telemetry import metrics
from kizashi_common.telemetry.logging import get_logger

_DRAIN_LIMIT: Final = timedelta(seconds=10)
_LAG_EVERY: Final = 0.5
_LAG_WINDOW: Final = 20
_COLLECT: Final = (50_000, 20, 100)
_log = get_logger("runtime")


class Door(NamedTuple):
    """An application listening on an address."""

    app: ASGIApp
    host: str
    port: int
    name: str


class Stopping(NamedTuple):
    """How a person asks for the end: `stop` orderly, `hurry` without draining."""

    stop: asyncio.Event
    hurry: asyncio.Event


@asynccontextmanager
async def ops_door(ops: Ops, host: str, port: int) -> AsyncIterator[None]:
    """The operations port answers while the block runs: it is the first to open and the last to close.

    Raises: OSError when it cannot listen there; what the block raises, as an exception group.
    """
    probes = _Server(Door(ops.app(), host, port, "ops"))
    async with asyncio.TaskGroup() as serving:
        serving.create_task(probes.serve(), name="door ops")
        await probes.opened()
        try:
            yield
        finally:
            await probes.close()


async def run(
    services: Sequence[Service],
    doors: Sequence[Door],
    ops_port: int,
    stopping: Stopping,
    on_ready: Callable[[], Awaitable[None]],
) -> None:
    """Serves composed services until asked to stop, with the operations port on loopback.

    Raises: whatever a worker died of, as an exception group.
    """
    ops = Ops([service.name for service in services], Build(version("kizashi")))
    ops.has_schema(suffices=True)
    async with ops_door(ops, "127.0.0.1", ops_port):
        await serve(ops, services, doors, stopping, on_ready)


async def serve(
    ops: Ops,
    services: Sequence[Service],
    doors: Sequence[Door],
    stopping: Stopping,
    on_ready: Callable[[], Awaitable[None]],
) -> None:
    """Serves until asked to stop. `on_ready` is called once every service is ready.

    Raises: whatever a worker died of, as an exception group.
    """
    ops.composed(services)
    watched = [_Server(door) for door in doors]
    async with asyncio.TaskGroup() as serving:
        for server in watched:
            serving.create_task(server.serve(), name=f"door {server.door.name}")
        workers = serving.create_task(_work(services), name="workers")
        for server in watched:
            await server.opened()
        await _until_ready(ops, stopping)
        _calm_collector()
        ops.started = True
        if not stopping.stop.is_set():
            await on_ready()
        await stopping.stop.wait()
        ops.draining = True
        for server in watched:
            await server.close()
        if not stopping.hurry.is_set():
            await _drain(services, stopping.hurry)
        workers.cancel()
        with suppress(asyncio.CancelledError):
            await workers


def _calm_collector() -> None:
    """Makes the collector leave alone what lives as long as the process, and look at the rest less often.

    With the interpreter's thresholds a quarter of the time under load went into looking (measured), since what we
    hold, accounts and message ids, is plain data without cycles, and there is much of it.
    Source: HEALTH.md 12.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT)


async def _until_ready(ops: Ops, stopping: Stopping) -> None:
    while ops.missing() and not stopping.stop.is_set():
        await asyncio.sleep(0.05)


async def _work(services: Sequence[Service]) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_watch_loop([service.name for service in services]))
        for service in services:
            for worker in service.workers:
                group.create_task(_watched(service.name, worker), name=f"{service.name} {worker.name}")


async def _watched(service: str, worker: Worker) -> None:
    gauge = metrics.worker_up.labels(service, worker.name)
    gauge.set(1)
    try:
        await worker.run()
        raise RuntimeError(f"worker {worker.name} of {service} ended by itself")
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        get_logger(service).error("worker_died", worker=worker.name, error=error)
        raise
    finally:
        gauge.set(0)


async def _drain(services: Sequence[Service], hurry: asyncio.Event) -> None:
    """In the order in which data flows, each with its own limit; a second request to stop skips the rest."""
    for service in services:
        for step in service.drains:
            if hurry.is_set():
                return
            try:
                async with asyncio.timeout(_DRAIN_LIMIT.total_seconds()):
                    await step.run()
            except TimeoutError:
                _log.warning("drain_timed_out", drained=service.name, step=step.name)


async def _watch_loop(services: Sequence[str]) -> None:
    loop = asyncio.get_running_loop()
    worst = [0.0] * _LAG_WINDOW
    while True:
        for i in range(_LAG_WINDOW):
            before = loop.time()
            await asyncio.sleep(_LAG_EVERY)
            worst[i] = max(0.0, loop.time() - before - _LAG_EVERY)
            for name in services:
                metrics.event_loop_lag_seconds.labels(name).set(max(worst))


class _Server:
    """One uvicorn server without signal handlers of its own: the process decides when it ends."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self._ended = asyncio.Event()
        config = uvicorn.Config(
            door.app,
            host=door.host,
            port=door.port,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            date_header=True,
            timeout_graceful_shutdown=5,
            timeout_keep_alive=75,
            h11_max_incomplete_event_size=65_536,
        )
        self._server = _Quiet(config)

    async def serve(self) -> None:
        try:
            await self._server.serve()
        except SystemExit as error:
            raise OSError(f"{self.door.name} cannot listen on {self.door.host}:{self.door.port}") from error
        finally:
            self._ended.set()

    async def opened(self) -> None:
        while not self._server.started and not self._ended.is_set():
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        self._server.should_exit = True
        await self._ended.wait()


class _Quiet(uvicorn.Server):
    def capture_signals(self):  # type: ignore[no-untyped-def]
        return nullcontext()
