"""A composed gateway over a database of its own and two small owners on loopback."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, cast

import httpx2
import pytest
import pytest_asyncio

from kizashi_common.contracts.ids import uuid7
from kizashi_common.runtime.service import Resources, Service
from kizashi_gateway.application.workspaces import Founded, NewWorkspace, create_workspace
from kizashi_gateway.compose import compose
from tests.conftest import Databases
from tests.gateway.owners import TOKEN, Owners
from tests.gateway.seeding import Seeds
from tests.twins.clock import SetClock

PUBLIC_URL = "http://console.test"


@dataclass(frozen=True)
class Gateway:
    """One gateway under test."""

    service: Service
    resources: Resources
    founded: Founded
    seeds: Seeds
    owners: Owners
    clock: SetClock

    def client(self, key: str | None = None, **headers: str) -> httpx2.AsyncClient:
        """A client with a key; without one it is a browser without a session."""
        app = self.service.routes.public
        assert app is not None
        sent = headers if key is None else {"Authorization": f"Bearer {key}", **headers}
        return httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=cast("Any", app), raise_app_exceptions=False),
            base_url=PUBLIC_URL,
            headers=sent,
        )

    @property
    def admin(self) -> httpx2.AsyncClient:
        """A client with the first admin key."""
        return self.client(self.founded.admin_key)

    async def another(self, workspace: str) -> Founded:
        """Another workspace of the same installation."""
        r = self.resources
        return await create_workspace(
            r.database, r.clock, r.chance, r.new_uuid, NewWorkspace(workspace, workspace.title())
        )

    async def key_with(self, *scopes: str) -> str:
        """A key with just these scopes."""
        async with self.admin as admin:
            answer = await admin.post("/v1/api-keys", json={"name": "narrow", "scopes": list(scopes)})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["key"])


@pytest_asyncio.fixture
async def owners() -> AsyncIterator[Owners]:
    async with Owners().serve() as running:
        yield running


@pytest_asyncio.fixture
async def gateway(databases: Databases, clock: SetClock, owners: Owners) -> AsyncIterator[Gateway]:
    resources = Resources(
        producer=cast("Any", None),
        consumer=cast("Any", None),
        database=databases.gateway,
        clock=clock,
        chance=os.urandom,
        new_uuid=lambda: uuid7(clock(), os.urandom(10)),
        environment={
            "KIZASHI_HEALTH_URL": owners.url,
            "KIZASHI_ALERTS_URL": owners.url,
            "KIZASHI_SERVICE_TOKEN": TOKEN,
            "KIZASHI_PUBLIC_URL": PUBLIC_URL,
            "KIZASHI_MASTER_KEYS": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        },
    )
    service = compose(resources)
    founded = await create_workspace(
        resources.database,
        clock,
        resources.chance,
        resources.new_uuid,
        NewWorkspace("demo", "Demo", "Aiko Mori", "aiko@vendor.example"),
    )
    yield Gateway(service, resources, founded, Seeds(databases.owner_url), owners, clock)
    for step in service.drains:
        await step.run()


@pytest.fixture
def anonymous(gateway: Gateway) -> httpx2.AsyncClient:
    return gateway.client()
