"""`kizashi demo`: a made-up vendor's customers in an installation that runs elsewhere, through its real doors.

First a year of the past, once; then use as it happens, until it is stopped.

Source: OPERATIONS.md 3, profile `demo`.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from kizashi_cli.compose import environment, run_in_loop
from kizashi_cli.failures import described
from kizashi_common.db.database import Database
from kizashi_common.errors import KizashiError
from kizashi_common.http.internal import PATIENCE_FOR_A_PAST, InternalClient
from kizashi_common.runtime.compose import clock
from kizashi_common.telemetry.logging import configure
from kizashi_local.demo.memory import past_of
from kizashi_local.demo.run import Demo, live, make_past
from kizashi_local.demo.settings import DemoSettings
from kizashi_local.demo_services import DemoServices
from kizashi_local.service_settings import require
from kizashi_local.stopping import unless


def main(_: str, arguments: Sequence[str]) -> int:
    """Exit 0 after an orderly stop, 1 when the demo cannot be made."""
    parser = argparse.ArgumentParser(prog="kizashi demo", description="Fill an installation with made-up customers.")
    parser.parse_args(arguments)
    around = environment()
    configure(text=around.get("KIZASHI_LOG_FORMAT") == "text")
    try:
        require(around, (DemoSettings,))
        run_in_loop(_run(DemoSettings.read(around)))
    except (KizashiError, OSError, BaseExceptionGroup) as error:
        print(described(error), file=sys.stderr)
        return 1
    return 0


async def _run(settings: DemoSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with _demo(settings) as demo:
        today = clock().date()
        making = past_of(Path(settings.demo_folder), today, lambda day: make_past(demo, day))
        day = await unless(stop, making)
        if day is not None:
            await live(demo, day, stop)


@asynccontextmanager
async def _demo(settings: DemoSettings) -> AsyncIterator[Demo]:
    token = settings.service_token.get_secret_value()
    health, alerts = (
        InternalClient(url, token, "demo", PATIENCE_FOR_A_PAST) for url in (settings.health_url, settings.alerts_url)
    )
    database = Database(settings.database_url.get_secret_value(), pool=1)
    services = DemoServices(settings.demo_workspace, health, alerts, database)
    try:
        yield Demo(settings.demo_ingest_url, services, settings.demo_server_key.get_secret_value(), tell, clock)
    finally:
        await health.aclose()
        await alerts.aclose()
        await database.close()


def tell(line: str) -> None:
    """A line for whoever watches."""
    print(line, file=sys.stderr, flush=True)
