"""What a workspace says about itself: time zone, horizon, days off. Health owns it; this passes wishes on.

Source: SCORING.md 1; GATEWAY.md 3.
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response

from kizashi_common.contracts.commands.health import SettingsAnswer, WorkspaceSettings
from kizashi_common.http.etag import etag
from kizashi_gateway.adapters.services import Owners
from kizashi_gateway.application.command import Asked, Commands, Wish
from kizashi_gateway.rest.door import Door, IfMatch, IfNoneMatch, command, seen_version, single
from kizashi_gateway.rest.openapi import operation

_EXAMPLE: Final[dict[str, Any]] = {
    "version": 2,
    "settings": {
        "zone": "Asia/Tokyo",
        "horizon_days": 30,
        "profile": "lapse",
        "monthly_loss": 0.03,
        "days_off": ["2027-01-01"],
    },
}


def router(door: Door, owners: Owners, commands: Commands) -> APIRouter:
    """The resource, ready to be mounted."""
    made = APIRouter(tags=["workspace settings"])

    @made.get(
        "/workspace-settings",
        response_model=SettingsAnswer,
        **operation(
            "get_workspace_settings",
            "Get the workspace settings",
            "The settings in force; version 0 are the defaults.",
            scope="models:read",
            errors=(304,),
            example=_EXAMPLE,
        ),
    )
    async def get_workspace_settings(
        asked: Annotated[Asked, Depends(door.needs("models:read"))], if_none_match: IfNoneMatch = None
    ) -> Response:
        answer = await owners.settings(asked.caller)
        return single(answer, if_none_match, etag(answer.version))

    @made.put(
        "/workspace-settings",
        response_model=SettingsAnswer,
        **operation(
            "replace_workspace_settings",
            "Replace the workspace settings",
            "Puts a new version in force at once; members left out take their defaults.",
            scope="models:publish",
            errors=(400, 412, 415, 428),
            example=_EXAMPLE,
        ),
    )
    async def replace_workspace_settings(
        body: WorkspaceSettings,
        asked: Annotated[Asked, Depends(door.needs(None))],
        if_match: IfMatch = None,
    ) -> Response:
        sent = command(asked, seen_version(if_match))
        wish = Wish(
            asked, "models:publish", "workspace_settings.replace", "workspace-settings", body.model_dump(mode="json")
        )
        answer = await commands.carry_out(wish, lambda: owners.put_settings(asked.caller, body, sent))
        return single(answer, None, etag(answer.version))

    return made
