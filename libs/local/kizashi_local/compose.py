"""All four services over one PostgreSQL and one broker, as values, with the doors they are served at.

The same objects as in production: they differ in the resources and settings handed in, and in nothing else.

Source: ARCHITECTURE.md 1.5; OPERATIONS.md 1.6.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from inspect import isawaitable
from pathlib import Path

from kizashi_alerts.compose import compose as compose_alerts
from kizashi_common.runtime.compose import resources
from kizashi_common.runtime.serve import Door
from kizashi_common.runtime.service import Resources, Service
from kizashi_gateway.compose import compose as compose_gateway
from kizashi_health.compose import compose as compose_health
from kizashi_ingest.compose import compose as compose_ingest
from kizashi_local.addresses import LOOPBACK, Addresses
from kizashi_local.servers import Servers
from kizashi_local.service_settings import PUBLIC_URL, SERVICES, role_passwords, service_settings, shared_settings

Compose = Callable[[Resources], Service | Awaitable[Service]]

COMPOSE: Mapping[str, Compose] = {
    "ingest": compose_ingest,
    "health": compose_health,
    "alerts": compose_alerts,
    "gateway": compose_gateway,
}


@dataclass(frozen=True)
class Composed:
    """The services as values, with what they were composed of."""

    services: tuple[Service, ...]
    resources: Mapping[str, Resources]
    public_url: str

    def doors(self, addresses: Addresses, host: str) -> list[Door]:
        """Which application listens where: `host` is for what people and vendors reach, the rest stays on loopback."""
        by_name = {service.name: service.routes for service in self.services}
        wanted = [
            (by_name["gateway"].public, host, addresses.gateway, "gateway"),
            (by_name["ingest"].public, host, addresses.ingest, "ingest"),
            (by_name["ingest"].internal, LOOPBACK, addresses.ingest_internal, "ingest internal"),
            (by_name["health"].internal, LOOPBACK, addresses.health_internal, "health internal"),
            (by_name["alerts"].internal, LOOPBACK, addresses.alerts_internal, "alerts internal"),
        ]
        return [Door(app, at, port, name) for app, at, port, name in wanted if app is not None]

    def missing(self) -> list[str]:
        """What keeps services from their work, in words."""
        return [f"{service.name}: {why}" for service in self.services if (why := service.ready()) is not None]


async def compose_all(
    servers: Servers, secrets: Path, given: Mapping[str, str], addresses: Addresses, stack: AsyncExitStack
) -> Composed:
    """The four services, each with a role of its own in the database; their connections end with the stack.

    Raises: Invalid, with every fault of a service's settings.
    """
    shared = shared_settings(secrets, given, addresses, servers.broker)
    passwords = role_passwords(secrets)
    made: dict[str, Resources] = {}
    for name in SERVICES:
        settings = service_settings(name, shared, servers.postgres, servers.database, passwords)
        made[name] = await stack.enter_async_context(resources(name, settings))
    services = [await _composed(COMPOSE[name], made[name]) for name in SERVICES]
    return Composed(tuple(services), made, shared[PUBLIC_URL])


async def _composed(compose: Compose, made: Resources) -> Service:
    service = compose(made)
    return await service if isawaitable(service) else service
