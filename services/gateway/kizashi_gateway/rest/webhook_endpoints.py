"""Webhook endpoints: where alerts are sent. Alerts owns them; this passes wishes on.

Source: ALERTS.md 11; GATEWAY.md 3.
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Response

from kizashi_common.contracts.commands.alerts import EndpointAnswer, EndpointList, EndpointRequest
from kizashi_common.contracts.ids import shown
from kizashi_common.http.etag import etag
from kizashi_gateway.adapters.services import Owners
from kizashi_gateway.application.command import Asked, Commands, Wish
from kizashi_gateway.domain.address import object_at
from kizashi_gateway.rest.door import (
    REPLAYED,
    Door,
    IdempotencyKey,
    IfMatch,
    IfNoneMatch,
    command,
    seen_version,
    single,
)
from kizashi_gateway.rest.openapi import operation

_EXAMPLE: Final[dict[str, Any]] = {
    "id": "whe_0192f0c1d2e37abc8def0123456789ab",
    "version": 1,
    "url": "https://hooks.example.com/kizashi",
    "events": ["alert.opened", "alert.resolved"],
    "description": "to the CRM",
    "enabled": True,
    "created_at": "2026-10-01T09:00:00Z",
}

EndpointPath = Annotated[str, Path(max_length=80, description="`whe_…`")]


def router(door: Door, owners: Owners, commands: Commands) -> APIRouter:
    """The resource, ready to be mounted."""
    made = APIRouter(tags=["webhook endpoints"])
    _reads(made, door, owners)
    _create(made, door, owners, commands)
    _remove_and_test(made, door, owners, commands)
    return made


def _reads(made: APIRouter, door: Door, owners: Owners) -> None:
    enter = Depends(door.needs("webhooks:read"))

    @made.get(
        "/webhook-endpoints",
        response_model=EndpointList,
        response_model_exclude_none=True,
        **operation(
            "list_webhook_endpoints",
            "List webhook endpoints",
            "All endpoints of the workspace, without their secrets.",
            scope="webhooks:read",
            example={"results": [_EXAMPLE]},
        ),
    )
    async def list_webhook_endpoints(asked: Annotated[Asked, enter]) -> EndpointList:
        return await owners.endpoints(asked.caller)

    @made.get(
        "/webhook-endpoints/{id}",
        response_model=EndpointAnswer,
        **operation(
            "get_webhook_endpoint",
            "Get a webhook endpoint",
            "One endpoint, without its secret.",
            scope="webhooks:read",
            errors=(304, 404),
            example=_EXAMPLE,
        ),
    )
    async def get_webhook_endpoint(
        id: EndpointPath,  # noqa: A002
        asked: Annotated[Asked, enter],
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        found = await owners.endpoint(asked.caller, shown("whe", object_at("whe", id)))
        return single(found, if_none_match, etag(found.version))


def _create(made: APIRouter, door: Door, owners: Owners, commands: Commands) -> None:
    @made.post(
        "/webhook-endpoints",
        status_code=201,
        response_model=EndpointAnswer,
        **operation(
            "create_webhook_endpoint",
            "Create a webhook endpoint",
            "Sends follow Standard Webhooks 1.0.0. The answer holds the signing secret, this once.",
            scope="webhooks:write",
            errors=(400, 409, 415),
            example={**_EXAMPLE, "secret": "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="},
        ),
    )
    async def create_webhook_endpoint(
        body: EndpointRequest,
        response: Response,
        asked: Annotated[Asked, Depends(door.needs(None))],
        idempotency_key: IdempotencyKey = None,
    ) -> EndpointAnswer:
        wish = Wish(
            asked, "webhooks:write", "webhook_endpoint.create", "webhook-endpoints", body.model_dump(mode="json")
        )
        sent = command(asked, None, idempotency_key)
        created = await commands.carry_out(wish, lambda: owners.add_endpoint(asked.caller, body, sent))
        response.headers["Location"] = f"/v1/webhook-endpoints/{created.id}"
        response.headers["ETag"] = etag(created.version)
        return created


def _remove_and_test(made: APIRouter, door: Door, owners: Owners, commands: Commands) -> None:
    @made.delete(
        "/webhook-endpoints/{id}",
        status_code=204,
        response_class=Response,
        **operation(
            "delete_webhook_endpoint",
            "Delete a webhook endpoint",
            "Nothing is sent to it any more; what was due to it is dropped.",
            scope="webhooks:write",
            errors=(404, 412, 428),
            example=None,
        ),
    )
    async def delete_webhook_endpoint(
        id: EndpointPath,  # noqa: A002
        asked: Annotated[Asked, Depends(door.needs(None))],
        if_match: IfMatch = None,
    ) -> Response:
        endpoint = shown("whe", object_at("whe", id))
        sent = command(asked, seen_version(if_match, any_allowed=True))
        wish = Wish(asked, "webhooks:write", "webhook_endpoint.delete", endpoint)
        await commands.carry_out(wish, lambda: owners.remove_endpoint(asked.caller, endpoint, sent))
        return Response(status_code=204)

    @made.post(
        "/webhook-endpoints/{id}/test",
        status_code=202,
        response_class=Response,
        **operation(
            "test_webhook_endpoint",
            "Test a webhook endpoint",
            "Sends `endpoint.ping` to it, signed and retried like any other event.",
            scope="webhooks:write",
            errors=(404, 409),
            example=None,
        ),
    )
    async def test_webhook_endpoint(
        id: EndpointPath,  # noqa: A002
        asked: Annotated[Asked, Depends(door.needs(None))],
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        endpoint = shown("whe", object_at("whe", id))
        wish = Wish(asked, "webhooks:write", "webhook_endpoint.test", endpoint)
        sent = command(asked, None, idempotency_key)
        is_repeat = await commands.carry_out(wish, lambda: owners.test_endpoint(asked.caller, endpoint, sent))
        return Response(status_code=202, headers=REPLAYED if is_repeat else None)
