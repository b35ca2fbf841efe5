"""How an operation is described, and how all of them become one application.

Source: GATEWAY.md 1 and 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from kizashi_common.errors import Fault, Invalid, KizashiError
from kizashi_common.http.problem import MEDIA_TYPE, exception_handlers, problem, request_id_of
from kizashi_gateway.adapters.services import OwnerRefused


class ProblemFault(BaseModel):
    """One thing that is wrong with the request."""

    pointer: str = Field(description="RFC 6901 pointer into the body; /query/…, /path/…, /header/… for the rest.")
    code: str
    detail: str


class ProblemDocument(BaseModel):
    """RFC 9457. `code` is stable; `detail` is for people."""

    type: str = Field(examples=["urn:kizashi:problem:not_found"])
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[ProblemFault]
    current: dict[str, Any] | None = Field(default=None, description="With 412: the object as it is now.")


_STATUS: Final = {
    400: "`malformed_json` or `cursor_mismatch`.",
    401: "No credential, or not a valid one.",
    403: "The credential lacks the scope; or a cookie's write without proof that a page of ours sent it.",
    404: "There is no such thing, or it belongs to another workspace.",
    409: "The state of the thing does not allow this, or the same request is running or was answered with a secret.",
    412: "The object changed in between; `current` is what it is now.",
    413: "The body is larger than 1 MiB.",
    415: "The body is not JSON.",
    422: "Well-formed, but not acceptable: every fault is listed.",
    428: "If-Match is missing, or `*` where a version is needed.",
    503: "The owner of the thing or the database cannot be reached; see Retry-After.",
}


def operation(
    operation_id: str, summary: str, description: str, *, scope: str | None, errors: Sequence[int] = (), example: Any
) -> dict[str, Any]:
    """The keyword arguments that describe an operation to FastAPI: everything OpenAPI should say about it."""
    always = (401, 422, 503) if scope is None else (401, 403, 422, 503)
    responses: dict[int | str, dict[str, Any]] = {
        status: {"model": ProblemDocument, "description": _STATUS[status], "content": {MEDIA_TYPE: {}}}
        for status in sorted({*always, *errors, *({413} if 415 in errors else ())} - {304})
    }
    if 304 in errors:
        responses[304] = {"description": "You have the current representation already."}
    if example is not None:
        responses[200 if not operation_id.startswith("create_") else 201] = {
            "content": {"application/json": {"example": example}},
        }
    right = "Any valid credential may ask." if scope is None else f"Scope: `{scope}`."
    return {
        "operation_id": operation_id,
        "summary": summary,
        "description": f"{description}\n\n{right}",
        "responses": responses,
    }


def api(routers: Sequence[APIRouter], *, cookie: str) -> FastAPI:
    """The REST application. Its generated documentation pages load from elsewhere, so they stay off.

    `cookie` is the name of the console's, which opens the API too.
    """
    handlers: dict[Any, Any] = {
        **exception_handlers,
        RequestValidationError: _not_acceptable,
        OwnerRefused: owner_said,
    }
    app = FastAPI(
        title="Kizashi",
        version="1",
        summary="Customer health, explained: accounts, scores, alerts.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers=handlers,
    )
    for router in routers:
        app.include_router(router, prefix="/v1")
    app.openapi = lambda: _described(app, cookie)  # type: ignore[method-assign]

    async def description() -> Response:
        return JSONResponse(app.openapi())

    # As a route of our own: what FastAPI adds for it is no route that a request could be counted under.
    app.add_api_route("/v1/openapi.json", description, include_in_schema=False)
    return app


async def _not_acceptable(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(detail["type"] == "json_invalid" for detail in found):
        refusal: KizashiError = Invalid("The body is not JSON.", code="malformed_json")
    else:
        faults = tuple(Fault(_pointer(detail["loc"]), str(detail["type"]), str(detail["msg"])) for detail in found)
        refusal = Invalid("The request is not acceptable.", faults=faults)
    return problem(refusal, request_id=request_id_of(request), instance=request.url.path)


def _pointer(location: Sequence[str | int]) -> str:
    parts = location[1:] if location and location[0] == "body" else location
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


async def owner_said(request: Request, error: Exception) -> Response:
    """The owner's problem as ours: its own words, our address and request id."""
    assert isinstance(error, OwnerRefused)
    body = {**error.problem, "instance": request.url.path, "request_id": request_id_of(request)}
    return JSONResponse(body, error.status, media_type=MEDIA_TYPE)


def _described(app: FastAPI, cookie: str) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        schema["components"]["securitySchemes"] = {
            "key": {"type": "http", "scheme": "bearer", "description": "An API key, `kza_…`."},
            "key_as_user": {"type": "http", "scheme": "basic", "description": "An API key as the user name."},
            "session": {"type": "apiKey", "in": "cookie", "name": cookie, "description": "The console's session."},
        }
        schema["security"] = [{"key": []}, {"key_as_user": []}, {"session": []}]
        for path in schema["paths"].values():
            for described in path.values():
                _say_media_types(described)
                _say_required(described)
        app.openapi_schema = schema
    return app.openapi_schema


def _say_media_types(described: dict[str, Any]) -> None:
    """FastAPI files a model under application/json; problems are application/problem+json."""
    for status, answer in described["responses"].items():
        content = answer.get("content", {})
        if int(status) >= 400 and "application/json" in content:
            content[MEDIA_TYPE] = content.pop("application/json")


def _say_required(described: dict[str, Any]) -> None:
    """FastAPI takes If-Match for optional: its absence is a problem of its own (428), after the caller's right."""
    for parameter in described.get("parameters", ()):
        if parameter["name"] == "If-Match":
            parameter["required"] = True
            parameter["schema"] = {"type": "string", "pattern": r'^("v\d{1,18}"|\*)$', "title": "If-Match"}
