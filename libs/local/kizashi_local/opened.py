"""An installation whose doors open: waiting for them, filling it with the demo, and saying where everything is.

Source: OPERATIONS.md 1.6.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from kizashi_common.errors import Absent
from kizashi_common.http.internal import PATIENCE_FOR_A_PAST, InternalClient
from kizashi_common.runtime.compose import chance, clock
from kizashi_gateway.application.sign_in import make_link
from kizashi_local.addresses import Addresses
from kizashi_local.compose import Composed
from kizashi_local.demo.run import Demo, make_past
from kizashi_local.demo_services import DemoServices
from kizashi_local.first_workspace import First
from kizashi_local.instance import Instance
from kizashi_local.ready import Ready
from kizashi_local.servers import Servers
from kizashi_local.service_settings import TOKEN

WORRY_AFTER: Final = timedelta(seconds=15)


@dataclass(frozen=True)
class Opened:
    """Everything that was started."""

    instance: Instance
    servers: Servers
    composed: Composed
    addresses: Addresses
    first: First

    async def wait(self, is_open: asyncio.Event, tell: Callable[[str], None]) -> None:
        """Returns when every service is ready; while it lasts, says what is waited for."""
        while not is_open.is_set():
            try:
                async with asyncio.timeout(WORRY_AFTER.total_seconds()):
                    await is_open.wait()
            except TimeoutError:
                missing = "; ".join(self.composed.missing()) or "the doors"
                tell(f"Still waiting for {missing} (details in {self.instance.data / 'log' / 'kizashi.log'}).")
        self.instance.update(broker=self.servers.broker.kind)

    async def ready(self) -> Ready:
        """Where everything is, with a fresh link to sign in; the keys while they were never shown."""
        link = await make_link(
            self.composed.resources["gateway"].database,
            clock,
            chance,
            public_url=self.composed.public_url,
            workspace=self.first.workspace,
        )
        shown = self.instance.state.keys_shown
        return Ready(
            gateway=self.addresses.gateway_url,
            ingest=self.addresses.ingest_url,
            ops=self.addresses.ops_url,
            broker=self.servers.broker.kind,
            data=str(self.instance.data),
            workspace=self.first.workspace,
            admin_key=None if shown else self.first.admin_key,
            server_key=None if shown else self.first.server_key,
            sign_in=link,
        )

    @asynccontextmanager
    async def demo(self, tell: Callable[[str], None]) -> AsyncIterator[Demo]:
        """The demo over this installation. Raises: Absent when the key that it sends with is lost."""
        if self.first.server_key is None:
            raise Absent("The first server key is lost, so the demo cannot send. Start anew with --reset.")
        health = self.composed.resources["health"]
        token = health.environment[TOKEN]
        owners = [
            InternalClient(self.addresses.url(f"{name}_internal"), token, "demo", PATIENCE_FOR_A_PAST)
            for name in ("health", "alerts")
        ]
        services = DemoServices(self.first.workspace, owners[0], owners[1], health.database)
        try:
            yield Demo(self.addresses.ingest_url, services, self.first.server_key, tell, clock)
        finally:
            for owner in owners:
                await owner.aclose()

    async def make_past(self, demo: Demo) -> date:
        """Fills the workspace with the demo's past, once; answers the day it was made for.

        One that was cut short is made again for the same day, and changes nothing that was there.
        """
        day = self.instance.state.demo_day or clock().date()
        if not self.instance.state.demo_is_made:
            self.instance.update(demo_day=day)
            await make_past(demo, day)
            self.instance.update(demo_is_made=True)
        return day
