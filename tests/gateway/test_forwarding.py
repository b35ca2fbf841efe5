"""Webhook endpoints and workspace settings: forwarded to their owners."""

from __future__ import annotations

import json

from tests.gateway.conftest import Gateway
from tests.gateway.owners import ENDPOINT


async def test_an_endpoints_secret_is_in_the_answer_to_its_creation_only(gateway: Gateway) -> None:
    async with gateway.admin as admin:
        made = await admin.post("/v1/webhook-endpoints", json={"url": "http://127.0.0.1:9/hook"})
        listed = await admin.get("/v1/webhook-endpoints")
        got = await admin.get(made.headers["location"])
        tested = await admin.post(f"/v1/webhook-endpoints/{ENDPOINT['id']}/test")
        gone = await admin.delete(f"/v1/webhook-endpoints/{ENDPOINT['id']}", headers={"If-Match": "*"})
        absent = await admin.delete("/v1/webhook-endpoints/whe_" + "0" * 32, headers={"If-Match": '"v1"'})
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    assert made.headers["location"].endswith(str(ENDPOINT["id"]))
    assert (got.status_code, got.headers["etag"], got.json()["secret"]) == (200, '"v1"', None)
    assert "secret" not in listed.json()["results"][0]
    assert (tested.status_code, gone.status_code, absent.status_code) == (202, 204, 404)
    assert absent.json()["instance"] == "/v1/webhook-endpoints/whe_" + "0" * 32


async def test_settings_are_replaced_under_the_version_that_was_seen(gateway: Gateway) -> None:
    async with gateway.admin as admin:
        read = await admin.get("/v1/workspace-settings")
        wrong = await admin.put("/v1/workspace-settings", json={"zone": "Mars/Olympus"}, headers={"If-Match": '"v1"'})
        done = await admin.put(
            "/v1/workspace-settings", json={"zone": "Asia/Tokyo"}, headers={"If-Match": read.headers["etag"]}
        )
        stale = await admin.put(
            "/v1/workspace-settings", json={"zone": "Asia/Tokyo"}, headers={"If-Match": read.headers["etag"]}
        )
    assert read.headers["etag"] == '"v1"'
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/zone")
    assert (done.status_code, done.headers["etag"]) == (200, '"v2"')
    assert (stale.status_code, stale.json()["current"]) == (412, {"version": 2})
    put = next(asked for asked in gateway.owners.asked if asked.method == "PUT")
    assert json.loads(put.body) == {"zone": "Asia/Tokyo"}
