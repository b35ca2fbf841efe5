"""Who may do what: credentials, scopes, workspaces."""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from kizashi_common.errors import Denied
from kizashi_gateway.adapters.store import Store
from kizashi_gateway.application.keys import Keys
from kizashi_gateway.application.sign_in import make_link
from kizashi_gateway.domain.access import SCOPES, Role
from tests.gateway.conftest import PUBLIC_URL, Gateway
from tests.gateway.owners import ENDPOINT
from tests.gateway.seeding import AlertRow, Card

JSON_BODIES: dict[str, Any] = {
    "acknowledge_alert": {},
    "resolve_alert": {"feedback": "useful"},
    "create_api_key": {"name": "a", "scopes": ["accounts:read"]},
    "create_webhook_endpoint": {"url": "http://127.0.0.1:9/hook"},
    "replace_workspace_settings": {"zone": "UTC"},
}


async def operations(gateway: Gateway) -> list[tuple[str, str, str, str | None]]:
    """Operation id, method, path, scope: from the OpenAPI file, as any client would learn them."""
    async with gateway.client() as anyone:
        described = (await anyone.get("/v1/openapi.json")).json()
    found = []
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            scope = re.search(r"Scope: `([a-z_]+:[a-z]+)`", operation["description"])
            found.append((operation["operationId"], method.upper(), path, scope and scope[1]))
    return found


def filled(path: str, card: Card, alert: AlertRow, key_id: str) -> str:
    named = {"/accounts/": card.shown, "/alerts/": alert.shown, "/webhook-endpoints/": str(ENDPOINT["id"])}
    for part, value in {**named, "/api-keys/": key_id}.items():
        path = path.replace(part + "{id}", part + value)
    return path


async def test_without_a_credential_every_operation_is_closed(gateway: Gateway) -> None:
    card = Card("acme")
    async with gateway.client() as anyone:
        for name, method, path, _ in await operations(gateway):
            url = filled(path, card, AlertRow(card), "key_x")
            answer = await anyone.request(method, url, json=JSON_BODIES.get(name))
            assert answer.status_code == 401, name
            assert answer.json()["code"] == "unauthenticated"
            assert "www-authenticate" in answer.headers


async def test_a_key_of_each_role_may_do_what_the_table_says_and_nothing_else(gateway: Gateway) -> None:
    card = Card("acme")
    alert = AlertRow(card)
    await gateway.seeds.cards(card)
    await gateway.seeds.alerts(alert)
    victim = (await gateway.key_with("accounts:read")).split("_")[1]
    for role, scopes in SCOPES.items():
        key = await gateway.key_with(*sorted(scopes))
        async with gateway.client(key) as client:
            for name, method, path, scope in await operations(gateway):
                url = filled(path, card, alert, f"key_{victim}")
                headers = {"If-Match": f'"v{gateway.owners.version}"'}
                answer = await client.request(method, url, json=JSON_BODIES.get(name), headers=headers)
                is_allowed = scope is None or scope in scopes
                assert (answer.status_code == 403) == (not is_allowed), (role, name, answer.text)
                if not is_allowed:
                    assert answer.json()["code"] == "scope_missing"
                    assert str(scope) in answer.json()["detail"]
                elif name not in ("revoke_api_key", "get_api_key"):
                    assert answer.status_code < 300, (role, name, answer.text)


async def test_a_foreign_workspace_sees_nothing_on_any_operation(gateway: Gateway) -> None:
    card = Card("acme")
    alert = AlertRow(card)
    await gateway.seeds.cards(card)
    await gateway.seeds.alerts(alert)
    key_id = "key_" + gateway.founded.admin_key.split("_")[1]
    foreign = await gateway.another("other")

    async with gateway.client(foreign.admin_key) as stranger:
        for name, method, path, _ in await operations(gateway):
            url = filled(path, card, alert, key_id)
            answer = await stranger.request(method, url, json=JSON_BODIES.get(name), headers={"If-Match": '"v1"'})
            if "{id}" in path and "/alerts/{id}/" not in path and "/webhook" not in path:
                assert answer.status_code == 404, (name, answer.text)
            for secret in ("acme", card.shown, "Aiko", key_id):
                if answer.status_code == 200:
                    assert secret not in answer.text, name
        # What is forwarded reaches the owner in the stranger's own workspace, whatever the id says.
        assert {asked.caller.workspace for asked in gateway.owners.asked} == {"other"}

    async with gateway.client(foreign.admin_key) as stranger:
        assert (await stranger.get("/v1/accounts/ext:acme")).status_code == 404
        assert (await stranger.get("/v1/alerts?account=ext:acme")).json()["results"] == []


async def test_a_cursor_of_a_foreign_workspace_is_refused(gateway: Gateway) -> None:
    await gateway.seeds.cards(Card("a"), Card("b"))
    foreign = await gateway.another("other")
    async with gateway.admin as admin, gateway.client(foreign.admin_key) as stranger:
        cursor = (await admin.get("/v1/accounts?limit=1")).json()["next"]
        answer = await stranger.get(f"/v1/accounts?limit=1&cursor={cursor}")
    assert answer.status_code == 400


async def test_basic_takes_the_key_as_user_name(gateway: Gateway) -> None:
    basic = b64encode(f"{gateway.founded.admin_key}:".encode()).decode()
    async with gateway.client(Authorization=f"Basic {basic}") as client:
        assert (await client.get("/v1/me")).json()["workspace"] == "demo"
    async with gateway.client(Authorization="Basic $$$") as client:
        assert (await client.get("/v1/me")).status_code == 401


@pytest.mark.parametrize("change", ["swap", "cut", "other"])
async def test_a_key_that_is_not_exactly_right_opens_nothing(gateway: Gateway, change: str) -> None:
    key = gateway.founded.admin_key
    wrong = {"swap": key[:20] + ("A" if key[20] != "A" else "B") + key[21:], "cut": key[:-1], "other": "kza_x"}[change]
    async with gateway.client(wrong) as client:
        answer = await client.get("/v1/me")
    assert answer.status_code == 401
    assert key not in answer.text


async def test_a_key_is_shown_once_holds_no_more_than_its_maker_and_ends_when_revoked(gateway: Gateway) -> None:
    narrow = await gateway.key_with("accounts:read", "keys:write", "keys:read")
    async with gateway.client(narrow) as client:
        beyond = await client.post("/v1/api-keys", json={"name": "x", "scopes": ["alerts:act", "made:up"]})
        made = await client.post("/v1/api-keys", json={"name": "x", "scopes": ["accounts:read"]})
        listed = await client.get("/v1/api-keys")
        one = await client.get(f"/v1/api-keys/{made.json()['id']}")
    assert beyond.status_code == 422
    assert {fault["code"] for fault in beyond.json()["errors"]} == {"unknown", "scope_missing"}
    assert made.status_code == 201
    assert made.headers["location"] == f"/v1/api-keys/{made.json()['id']}"
    assert made.json()["key"] not in listed.text + one.text
    stored = await gateway.seeds.run("SELECT * FROM gateway.api_key_secret")
    assert made.json()["key"].split("_")[2][:43] not in str(stored)

    async with gateway.client(made.json()["key"]) as client:
        assert (await client.get("/v1/accounts")).status_code == 200
        async with gateway.admin as admin:
            stale = await admin.delete(f"/v1/api-keys/{made.json()['id']}", headers={"If-Match": '"v9"'})
            missing = await admin.delete(f"/v1/api-keys/{made.json()['id']}")
            gone = await admin.delete(f"/v1/api-keys/{made.json()['id']}", headers={"If-Match": "*"})
        assert (stale.status_code, missing.status_code, gone.status_code) == (412, 428, 200)
        assert (await client.get("/v1/accounts")).status_code == 401


async def test_a_key_ends_with_its_time(gateway: Gateway) -> None:
    key = await gateway.key_with("accounts:read")
    gateway.clock.advance(timedelta(days=366))
    async with gateway.client(key) as client:
        assert (await client.get("/v1/accounts")).status_code == 401


async def test_a_key_that_was_just_believed_ends_with_its_time_too(gateway: Gateway) -> None:
    ends = (gateway.clock() + timedelta(seconds=10)).isoformat()
    async with gateway.admin as admin:
        wish = {"name": "short", "scopes": ["accounts:read"], "expires_at": ends}
        key = (await admin.post("/v1/api-keys", json=wish)).json()["key"]
    async with gateway.client(key) as client:
        assert (await client.get("/v1/accounts")).status_code == 200
        gateway.clock.advance(timedelta(seconds=15))
        assert (await client.get("/v1/accounts")).status_code == 401


async def test_what_was_read_before_a_revocation_is_not_believed_after_it(gateway: Gateway) -> None:
    read, go, r = asyncio.Event(), asyncio.Event(), gateway.resources

    class Slow(Store):
        async def saw_key(self, workspace: str, key_id: str, at: datetime, precision: timedelta) -> None:
            read.set()
            await go.wait()

    text = gateway.founded.admin_key
    admin = await Keys(Store(r.database), r.clock, r.chance).authenticate(text)
    keys = Keys(Slow(r.database), r.clock, r.chance)
    asking = asyncio.ensure_future(keys.authenticate(text))
    await read.wait()
    await keys.revoke(admin, admin.actor.removeprefix("key_"), None)
    go.set()
    await asking
    with pytest.raises(Denied):
        await keys.authenticate(text)


async def test_a_repeat_that_would_show_a_secret_again_is_told_what_it_made(gateway: Gateway) -> None:
    body = {"name": "warehouse", "scopes": ["accounts:read"]}
    headers = {"Idempotency-Key": "k1"}
    async with gateway.admin as admin:
        first = await admin.post("/v1/api-keys", json=body, headers=headers)
        again = await admin.post("/v1/api-keys", json=body, headers=headers)
        other = await admin.post("/v1/api-keys", json={**body, "name": "else"}, headers=headers)
        listed = (await admin.get("/v1/api-keys")).json()["results"]
    assert first.status_code == 201
    assert (again.status_code, again.json()["code"]) == (409, "secret_already_shown")
    assert first.json()["id"] in again.json()["detail"]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert len(listed) == 2


async def test_requests_at_once_under_one_key_make_one_api_key(gateway: Gateway) -> None:
    body, headers = {"name": "warehouse", "scopes": ["accounts:read"]}, {"Idempotency-Key": "k1"}
    async with gateway.admin as admin:
        answers = await asyncio.gather(*(admin.post("/v1/api-keys", json=body, headers=headers) for _ in range(5)))
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
        assert len((await admin.get("/v1/api-keys")).json()["results"]) == 2
        gateway.clock.advance(timedelta(hours=25))
        assert (await admin.post("/v1/api-keys", json=body, headers=headers)).status_code == 201


async def test_sign_ins_sign_outs_and_refusals_leave_their_rows(gateway: Gateway) -> None:
    ours, admin = {"Origin": PUBLIC_URL}, gateway.founded.admin
    lesser = await gateway.key_with("accounts:read")
    r = gateway.resources
    link = await make_link(r.database, r.clock, r.chance, public_url=PUBLIC_URL, workspace="demo")
    async with gateway.client() as browser:
        assert (await browser.post("/sign-in", data={"key": lesser}, headers=ours)).status_code == 401
        await gateway.seeds.run("REVOKE INSERT ON gateway.audit FROM kizashi_gateway")
        assert (await browser.post(link, headers=ours)).status_code >= 500
        await gateway.seeds.run("GRANT INSERT ON gateway.audit TO kizashi_gateway")
        assert (await browser.post(link, headers=ours)).status_code == 303, "a link that could not be recorded is whole"
        assert (await browser.put("/v1/workspace-settings", json={}, headers=ours)).status_code == 403
        csrf = (await browser.get("/v1/me")).json()["csrf"]
        assert (await browser.post("/sign-out", data={"csrf": "guessed"}, headers=ours)).status_code == 403
        assert (await browser.post("/sign-out", data={"csrf": csrf}, headers=ours)).status_code == 303
    rows = await gateway.seeds.run(
        "SELECT action, outcome, actor FROM gateway.audit"
        " WHERE phase = 'result' AND actor <> 'system' AND action NOT LIKE 'api_key.%'"
    )
    member = f"mem_{admin.hex}"
    assert sorted((row["action"], row["outcome"], row["actor"]) for row in rows) == [
        ("POST /sign-out", "csrf", member),
        ("PUT /v1/workspace-settings", "csrf", member),
        ("session.end", "done", member),
        ("session.open", "done", member),
        ("session.open", "unauthenticated", f"key_{lesser.split('_')[1]}"),
    ]


async def test_secrets_never_rest_in_the_audit_log(gateway: Gateway) -> None:
    async with gateway.admin as admin:
        await admin.post("/v1/webhook-endpoints", json={"url": "http://127.0.0.1:9/hook"})
        key = (await admin.post("/v1/api-keys", json={"name": "n", "scopes": ["accounts:read"]})).json()["key"]
    log = str(await gateway.seeds.run("SELECT * FROM gateway.audit"))
    assert "whsec_" not in log
    assert key not in log
    assert "api_key.create" in log


async def test_a_missing_scope_is_recorded(gateway: Gateway) -> None:
    key = await gateway.key_with("accounts:read")
    async with gateway.client(key) as client:
        await client.get("/v1/api-keys")
    log = await gateway.seeds.run("SELECT action, outcome FROM gateway.audit WHERE outcome = 'scope_missing'")
    assert [(row["action"], row["outcome"]) for row in log] == [("GET /v1/api-keys", "scope_missing")]


def test_each_role_contains_the_one_before_it() -> None:
    order: list[Role] = ["viewer", "csm", "manager", "admin"]
    for lesser, greater in pairwise(order):
        assert SCOPES[lesser] < SCOPES[greater]
    assert not {"keys:read", "audit:read", "webhooks:read", "members:read"} & SCOPES["viewer"]
