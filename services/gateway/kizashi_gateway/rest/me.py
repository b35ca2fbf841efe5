"""Who am I to this API: workspace, actor, role, scopes; for a session also the token that its writes must carry.

Source: GATEWAY.md 2 and 3.
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from kizashi_gateway.application.command import Asked
from kizashi_gateway.rest.door import Door, IfNoneMatch, Resource, single
from kizashi_gateway.rest.openapi import operation


class Me(Resource):
    """The caller."""

    workspace: str
    actor: str = Field(description="`mem_…` for a person, `key_…` for an API key.")
    member: str = Field(description="The person, or the member who made the key.")
    name: str
    role: str
    scopes: list[str]
    csrf: str | None = Field(description="For sessions: send it as Kizashi-CSRF with every write.")


_EXAMPLE: Final[dict[str, Any]] = {
    "workspace": "demo",
    "actor": "key_0kT3h5dQz9aB",
    "member": "mem_0192f0c1d2e37abc8def0123456789ab",
    "name": "warehouse",
    "role": "admin",
    "scopes": ["accounts:read", "scores:read"],
    "csrf": None,
}


def router(door: Door) -> APIRouter:
    """The resource, ready to be mounted."""
    made = APIRouter(tags=["me"])

    @made.get(
        "/me",
        response_model=Me,
        **operation(
            "get_me",
            "Get the caller",
            "What the credential in use is, and what it may do.",
            scope=None,
            errors=(304,),
            example=_EXAMPLE,
        ),
    )
    async def get_me(asked: Annotated[Asked, Depends(door.needs(None))], if_none_match: IfNoneMatch = None) -> Response:
        caller = asked.caller
        me = Me(
            workspace=caller.workspace,
            actor=caller.actor,
            member=caller.member,
            name=caller.name,
            role=caller.role,
            scopes=sorted(caller.scopes),
            csrf=caller.csrf,
        )
        return single(me, if_none_match)

    return made
