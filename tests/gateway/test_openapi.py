"""The OpenAPI file says everything a client needs, and what it says is true."""

from __future__ import annotations

import re
from typing import Any

from pydantic import TypeAdapter

from kizashi_gateway.domain.access import ALL_SCOPES
from kizashi_gateway.rest.openapi import ProblemDocument
from tests.gateway.conftest import Gateway
from tests.gateway.seeding import Card

VERBS = "list|get|create|replace|delete|revoke|acknowledge|resolve|test"


async def described(gateway: Gateway) -> dict[str, Any]:
    async with gateway.client() as anyone:
        answer = await anyone.get("/v1/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def test_every_operation_is_named_explained_scoped_and_exemplified(gateway: Gateway) -> None:
    schema = await described(gateway)
    assert schema["openapi"].startswith("3.1")
    seen = set()
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            name = operation["operationId"]
            seen.add(name)
            assert re.fullmatch(rf"({VERBS})_[a-z_]+", name), name
            assert operation["summary"], name
            assert operation["tags"], name
            scope = re.search(r"Scope: `([a-z_:]+)`", operation["description"])
            assert scope is not None or "Any valid credential may ask." in operation["description"], name
            if scope is not None:
                assert scope[1] in ALL_SCOPES, name
            assert {"401", "422", "503"} <= set(operation["responses"]), name
            assert ("403" in operation["responses"]) == (scope is not None), name
            assert ("404" in operation["responses"]) >= ("{id}" in path), name
            good = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
            for media in good.get("content", {}).values():
                assert "example" in media, name
            if method != "get" and path != "/v1/alerts/{id}/acknowledge":
                assert ("requestBody" in operation) or method == "delete" or path.endswith("/test"), name
    assert len(seen) == 21


async def test_every_refusal_is_documented_as_a_problem(gateway: Gateway) -> None:
    for methods in (await described(gateway))["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                if status >= "400":
                    assert list(answer["content"]) == ["application/problem+json"], operation["operationId"]
                    assert answer["description"]


async def test_every_field_has_a_type_and_every_parameter_a_sentence(gateway: Gateway) -> None:
    schema = await described(gateway)
    for methods in schema["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] not in ("limit", "state", "kind", "severity"):
                    assert parameter.get("description"), (operation["operationId"], parameter["name"])


async def test_what_takes_a_body_says_how_large(gateway: Gateway) -> None:
    schema = await described(gateway)
    for methods in schema["paths"].values():
        for operation in methods.values():
            assert ("413" in operation["responses"]) == ("requestBody" in operation), operation["operationId"]
    assert schema["components"]["securitySchemes"]["session"]["name"] == "kizashi"


async def test_what_is_refused_when_it_is_missing_is_said_to_be_required(gateway: Gateway) -> None:
    guarded = 0
    for methods in (await described(gateway))["paths"].values():
        for operation in methods.values():
            if_match = [p for p in operation.get("parameters", []) if p["name"] == "If-Match"]
            assert ("428" in operation["responses"]) == bool(if_match), operation["operationId"]
            for parameter in if_match:
                guarded += 1
                assert parameter["required"]
                assert parameter["schema"] == {"type": "string", "pattern": r'^("v\d{1,18}"|\*)$', "title": "If-Match"}
    assert guarded == 5


async def test_answers_have_the_shape_that_is_documented(gateway: Gateway) -> None:
    await gateway.seeds.cards(Card("acme"))
    schema = await described(gateway)
    account = schema["components"]["schemas"]["Account"]
    async with gateway.admin as admin:
        shown = (await admin.get("/v1/accounts/ext:acme")).json()
        problem = (await admin.get("/v1/accounts/ext:none")).json()
    assert set(shown) == set(account["properties"]) == set(account["required"])
    assert TypeAdapter(ProblemDocument).validate_python(problem).code == "not_found"


async def test_examples_are_acceptable_to_the_models_they_show(gateway: Gateway) -> None:
    app = gateway.service.routes.public
    assert app is not None
    checked = 0
    for route in rest_routes(gateway):
        model = route.response_model
        for status, answer in route.responses.items():
            example = answer.get("content", {}).get("application/json", {}).get("example")
            if model is not None and int(status) < 300 and example is not None:
                model.model_validate(example)
                checked += 1
    assert checked == 19


def rest_routes(gateway: Gateway) -> list[Any]:
    front: Any = gateway.service.routes.public
    while not hasattr(front, "_rest"):
        front = getattr(front, "_app")  # noqa: B009
    rest = getattr(front, "_rest")  # noqa: B009
    found = []
    for route in rest.routes:
        original = getattr(route, "original_router", None)
        found += original.routes if original is not None else [route]
    return [route for route in found if hasattr(route, "response_model")]
