"""A newcomer's first hour: an unmodified Segment SDK sends, a score and an early warning come out, a webhook tells."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import segment.analytics as analytics_module
import uvicorn
from segment.analytics.client import Client
from standardwebhooks.webhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.ports import free_port
from tests.stories.harness import Kizashi, eventually, get

pytestmark = pytest.mark.story


class Receiver:
    """A customer's webhook endpoint."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.port = free_port()
        self.received: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/hook"

    async def __aenter__(self) -> Receiver:
        app = Starlette(routes=[Route("/hook", self._take, methods=["POST"])])
        self._server = uvicorn.Server(
            uvicorn.Config(app, host=self.host, port=self.port, log_config=None, lifespan="off")
        )
        self._task = asyncio.ensure_future(self._server.serve())
        while not self._server.started:
            await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        await self._task

    async def _take(self, request: Request) -> Response:
        self.received.append((dict(request.headers), await request.body()))
        return Response(status_code=204)


def send_by_sdk(product: Kizashi, account: str, days_ago: range) -> None:
    """One login and one feature use a day, by the package as its users call it."""
    failures: list[Any] = []
    client = Client(
        product.ready["server_key"],
        host=product.ingest,
        on_error=lambda error, _: failures.append(error),
        sync_mode=False,
    )
    now = datetime.now(UTC)
    for day in days_ago:
        at = now - timedelta(days=day)
        client.track("u_1", "Signed In", {}, timestamp=at, context={"groupId": account})
        client.track(
            "u_2",
            "Feature Used",
            {"feature": "export", "ratio": float("nan")},
            timestamp=at,
            context={"groupId": account},
        )
    client.group("u_1", account, {"name": "Acme KK", "seats": 10, "arr": 4800, "currency": "EUR"})
    client.flush()
    client.shutdown()
    assert not failures


async def test_sdk_events_become_a_score_an_alert_and_a_signed_webhook(product: Kizashi) -> None:
    assert analytics_module.Client is Client
    account = "story-acme"
    async with Receiver(product.here) as receiver, product.client() as api:
        made = (await api.post("/v1/webhook-endpoints", json={"url": receiver.url})).json()
        await asyncio.to_thread(send_by_sdk, product, account, range(10, 26))
        score = await eventually(lambda: get(api, f"/v1/accounts/ext:{account}/score"), lambda s: s and s["pulse"])
        card = await eventually(
            lambda: get(api, f"/v1/accounts/ext:{account}"), lambda c: c and c["name"] == "Acme KK" and c["score"]
        )
        alerts = await eventually(
            lambda: get(api, "/v1/alerts", account=card["id"]), lambda a: a and a["results"], seconds=20
        )
        (headers, body) = await eventually(lambda: _first(receiver, card["id"]), bool)

    assert score["evidence"] == "ok"
    assert score["band"] in ("watch", "risk")
    points = score["pulse"]["points"]
    total = score["pulse"]["baseline"] + sum(points.values()) + score["pulse"]["scale"]
    assert total == pytest.approx(score["pulse"]["health"], abs=1e-9)
    assert card["top_reasons"][0]["code"] == "SILENCE"
    assert card["arr"] == {"amount": "4800", "currency": "EUR"}
    (alert,) = alerts["results"]
    assert (alert["rule"], alert["workflow"], alert["severity"]) == ("risk.silence", "open", "high")
    assert alert["recommended_actions"]
    verified = Webhook(made["secret"]).verify(body.decode(), headers)
    assert verified["type"] == "alert.opened"
    assert verified["data"]["alert"]["id"] == alert["id"]


async def _first(receiver: Receiver, account: str) -> tuple[dict[str, str], bytes] | None:
    opened = [
        (headers, body) for headers, body in receiver.received if b"alert.opened" in body and account.encode() in body
    ]
    return opened[0] if opened else None


async def test_a_person_acknowledges_and_resolves_and_the_version_is_guarded(product: Kizashi) -> None:
    account = "story-workflow"
    async with product.client() as api:
        await asyncio.to_thread(send_by_sdk, product, account, range(10, 26))
        card = await eventually(lambda: get(api, f"/v1/accounts/ext:{account}"), bool)
        found = await eventually(lambda: get(api, "/v1/alerts", account=card["id"]), lambda a: a and a["results"])
        path = f"/v1/alerts/{found['results'][0]['id']}"
        alert = await api.get(path)
        missing = await api.post(f"{path}/acknowledge", json={})
        taken = await api.post(f"{path}/acknowledge", json={}, headers={"if-match": alert.headers["etag"]})
        stale = await api.post(
            f"{path}/resolve", json={"feedback": "useful"}, headers={"if-match": alert.headers["etag"]}
        )
        once = {"if-match": taken.headers["etag"], "idempotency-key": f"close-{alert.json()['id']}"}
        closed = await api.post(f"{path}/resolve", json={"feedback": "useful"}, headers=once)
        again = await api.post(f"{path}/resolve", json={"feedback": "useful"}, headers=once)
        after = await get(api, path)
    assert missing.status_code == 428
    assert taken.status_code == 200
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert (closed.status_code, again.status_code) == (200, 200)
    assert (again.json(), again.headers["idempotency-replayed"]) == (closed.json(), "true")
    assert (after["workflow"], after["resolution"], after["feedback"]) == ("resolved", "person", "useful")
    assert not (await api_closed(product, card["id"]))["results"]


async def api_closed(product: Kizashi, account: str) -> Any:
    async with product.client() as api:
        return await get(api, "/v1/alerts", account=account, state="open")


async def test_what_is_refused_says_why_and_its_neighbours_are_counted(product: Kizashi) -> None:
    account = "story-neighbours"
    at = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    good = {"id": "n1", "account": account, "user": "u", "action": "login", "at": at}
    async with product.sender() as sender, product.client() as api:
        answer = await sender.post("/v1/events", json={"events": [good, {"id": "n2", "action": "login"}, 7]})
        nobody = await sender.post("/v1/events", json=good, headers={"authorization": "Bearer kzs_nobody"})
        card = await eventually(lambda: get(api, f"/v1/accounts/ext:{account}"), bool)
    results = answer.json()["results"]
    assert [result["status"] for result in results] == ["accepted", "quarantined", "quarantined"]
    assert [result.get("code") for result in results[1:]] == ["no_identity", "not_an_event"]
    assert (nobody.status_code, nobody.json()["code"]) == (401, "invalid_key")
    assert card["external_id"] == account
