"""Webhook endpoints: made with a secret that is shown once, listed, tested, removed.

Source: ALERTS.md 11.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from kizashi_alerts.adapters.channels.webhook.send import NAME as CHANNEL
from kizashi_alerts.adapters.deliveries import Deliveries
from kizashi_alerts.adapters.endpoints import PREFIX, Endpoint, Endpoints
from kizashi_alerts.adapters.outbound import Outbound
from kizashi_alerts.domain.message import ping
from kizashi_alerts.metrics import DELIVERIES
from kizashi_common.contracts import alerts as contract
from kizashi_common.contracts.commands.alerts import EndpointAnswer, EndpointList, EndpointRequest
from kizashi_common.contracts.ids import shown
from kizashi_common.db.repeats import Once
from kizashi_common.errors import Conflict, Fault, Invalid, Unavailable

SECRET_BYTES: Final = 32


class Pinged(NamedTuple):
    """The id of a ping. `is_repeat`: the request was carried out before, and this was its ping."""

    event: str
    is_repeat: bool


class ManageEndpoints:
    """What may be asked about endpoints."""

    def __init__(
        self,
        endpoints: Endpoints,
        deliveries: Deliveries,
        outbound: Outbound,
        clock: Callable[[], datetime],
        chance: Callable[[int], bytes],
        new_id: Callable[[], UUID],
    ) -> None:
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._outbound = outbound
        self._clock = clock
        self._chance = chance
        self._new_id = new_id

    async def create(
        self, workspace: str, actor: str, asked: EndpointRequest, once: Once | None = None
    ) -> EndpointAnswer:
        """A new endpoint; its secret is in this answer only.

        Raises: Invalid, pointing at the address, when it is malformed or may not be reached; Conflict, code
        secret_already_shown, when the same request made one before.
        """
        try:
            await self._outbound.check(asked.url)
        except Invalid as error:
            raise _refused(error.detail, error.reason) from error
        except Unavailable as error:
            raise _refused("The name of this address cannot be resolved.", "unresolved") from error
        secret = "whsec_" + b64encode(self._chance(SECRET_BYTES)).decode()
        endpoint = Endpoint(
            id=self._new_id(),
            workspace=workspace,
            url=asked.url,
            events=asked.events,
            description=asked.description,
            state="enabled",
            version=1,
            created_by=actor,
            created_at=self._clock(),
        )
        await self._endpoints.add(endpoint, secret, once)
        return _answer(endpoint).model_copy(update={"secret": secret})

    async def list(self, workspace: str) -> EndpointList:
        """Every endpoint, without secrets."""
        return EndpointList(results=tuple(_answer(one) for one in await self._endpoints.all(workspace)))

    async def get(self, workspace: str, endpoint_id: UUID) -> EndpointAnswer:
        """One endpoint, without its secret. Raises: Absent."""
        return _answer(await self._endpoints.one(workspace, endpoint_id))

    async def delete(self, workspace: str, endpoint_id: UUID, version: int | None) -> None:
        """Nothing is sent there any more. Raises: Absent; StaleVersion."""
        parked = await self._endpoints.delete(workspace, endpoint_id, version)
        DELIVERIES.labels(CHANNEL, "parked").inc(parked)

    async def test(self, workspace: str, endpoint_id: UUID, once: Once | None = None) -> Pinged:
        """The `endpoint.ping` that is on its way there.

        Raises: Absent; Conflict, code endpoint_disabled.
        """
        endpoint = await self._endpoints.one(workspace, endpoint_id)
        if endpoint.state != "enabled":
            raise Conflict("This endpoint is disabled.", code="endpoint_disabled")
        now = self._clock()
        event_id = shown("evt", self._new_id())
        body = contract.encode(ping(workspace, now))
        told = await self._deliveries.add(workspace, endpoint_id, (event_id, "endpoint.ping", body), now, once)
        return Pinged(told, is_repeat=told != event_id)


def _answer(endpoint: Endpoint) -> EndpointAnswer:
    return EndpointAnswer.model_validate(
        {
            "id": shown(PREFIX, endpoint.id),
            "version": endpoint.version,
            "url": endpoint.url,
            "events": endpoint.events,
            "description": endpoint.description,
            "enabled": endpoint.state == "enabled",
            "created_at": endpoint.created_at,
        }
    )


def _refused(detail: str, code: str) -> Invalid:
    return Invalid(detail, faults=(Fault("/url", code, detail),))
