"""The one door: headers on every answer, limits before anything is done."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.conftest import Gateway
from tests.gateway.seeding import AlertRow, Card


async def test_every_answer_carries_the_safeguards(gateway: Gateway) -> None:
    await gateway.seeds.cards(Card("acme"))
    async with gateway.admin as admin:
        for path in ("/v1/accounts", "/v1/nothing", "/v1/openapi.json", "/sign-in", "/", "/nothing"):
            answer = await admin.get(path)
            headers = answer.headers
            assert headers["x-content-type-options"] == "nosniff", path
            assert headers["referrer-policy"] == "same-origin", path
            assert headers["cross-origin-opener-policy"] == "same-origin", path
            assert headers["cross-origin-resource-policy"] == "same-origin", path
            assert "camera=()" in headers["permissions-policy"], path
            assert headers["cache-control"] == "no-store", path
            assert headers["kizashi-request-id"].startswith("req_"), path
            policy = headers["content-security-policy"]
            assert policy.startswith("default-src 'none'"), path
            assert "unsafe" not in policy, path
            assert ("form-action 'self'" in policy) == (not path.startswith("/v1")), path
            assert "strict-transport-security" not in headers, path


async def test_what_is_too_large_or_not_json_is_refused_at_the_door(gateway: Gateway) -> None:
    async with gateway.admin as admin:
        large = await admin.post("/v1/api-keys", content=b"x" * 1_100_000, headers={"Content-Type": "application/json"})
        long = await admin.get("/v1/accounts?external_id=" + "x" * 9000)
        xml = await admin.post("/v1/api-keys", content=b"<a/>", headers={"Content-Type": "text/xml"})
        broken = await admin.post("/v1/api-keys", content=b"{", headers={"Content-Type": "application/json"})
        unknown = await admin.post("/v1/api-keys", json={"name": "a", "scopes": ["accounts:read"], "admin": True})
    assert (large.status_code, long.status_code, xml.status_code) == (413, 413, 415)
    assert (broken.status_code, broken.json()["code"]) == (400, "malformed_json")
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/admin")


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("/v1/me", "GET"),
        ("/v1/api-keys", "GET, POST"),
        ("/v1/api-keys/key_0", "DELETE, GET"),
        ("/v1/workspace-settings", "GET, PUT"),
    ],
)
async def test_a_wrong_method_says_all_that_are_right(gateway: Gateway, path: str, right: str) -> None:
    async with gateway.admin as admin:
        answer = await admin.patch(path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == right
    assert answer.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("body", [b"\xff", b"[" * 100_000, b'{"name": '])
async def test_what_is_no_json_is_said_to_be_none(gateway: Gateway, body: bytes) -> None:
    async with gateway.admin as admin:
        answer = await admin.post("/v1/api-keys", content=body, headers={"Content-Type": "Application/JSON"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")


async def test_a_credential_that_is_no_text_is_no_credential(gateway: Gateway) -> None:
    async with gateway.client() as anyone:
        answer = await anyone.get("/v1/me", headers=[(b"authorization", "Basic é".encode("latin-1"))])
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_a_refusal_at_an_odd_address_is_recorded(gateway: Gateway) -> None:
    async with gateway.client(await gateway.key_with("alerts:read")) as client:
        answer = await client.get("/v1/accounts/ext:%00")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    (row,) = await gateway.seeds.run("SELECT object FROM gateway.audit WHERE outcome = 'scope_missing'")
    assert row["object"] == "/v1/accounts/ext:\ufffd"


async def test_a_list_goes_on_at_the_address_that_the_client_used(gateway: Gateway) -> None:
    await gateway.seeds.cards(Card("a", risk=2.0), Card("b", risk=1.0))
    async with gateway.admin as admin:
        first = await admin.get("/v1/accounts?limit=1", headers={"Host": "inner:8000"})
        link = first.headers["link"]
        assert link.startswith("</v1/accounts?limit=1&cursor=")
        second = await admin.get(link[1 : link.index(">")])
    assert [row["external_id"] for row in second.json()["results"]] == ["b"]


async def test_a_body_that_breaks_off_is_carried_out_by_nobody(gateway: Gateway) -> None:
    row = AlertRow(Card("acme"))
    await gateway.seeds.alerts(row)
    messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    path = f"/v1/alerts/{row.shown}/acknowledge"
    headers = [(b"authorization", gateway.admin.headers["authorization"].encode()), (b"if-match", b'"v1"')]
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": headers, "client": None, "server": None, "scheme": "http", "root_path": "", "http_version": "1.1",
    }  # fmt: skip
    assert gateway.service.routes.public is not None
    await gateway.service.routes.public(scope, receive, send)
    assert sent == []
    assert gateway.owners.asked == []


async def test_nul_and_other_oddities_never_break_the_database(gateway: Gateway) -> None:
    async with gateway.admin as admin:
        for path in (
            "/v1/accounts?owner=a%00b",
            "/v1/accounts?external_id=%00",
            "/v1/accounts/ext:%00",
            "/v1/accounts/%00",
            "/v1/alerts/alr_%00",
            "/v1/alerts?account=ext:%00",
            "/v1/api-keys/key_%00",
            "/v1/accounts?cursor=%00",
            "/?owner=%00&band=%00&after=%00",
        ):
            answer = await admin.get(path)
            assert answer.status_code < 500, (path, answer.text)
