"""The door for the other services, and the whole service as it is composed. Source: contracts/commands/alerts."""

from __future__ import annotations

import asyncio
import json
import os
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from kizashi_alerts.compose import compose
from kizashi_alerts.settings import AlertsSettings
from kizashi_common.contracts.alerts import decode
from kizashi_common.contracts.ids import shown
from kizashi_common.contracts.topics import ALERTS, SCORES
from kizashi_common.errors import Invalid
from kizashi_common.runtime.service import Resources, Service
from tests.alerts.receiver import receiving
from tests.alerts.stage import MASTER_KEY, SILENT, Stage
from tests.alerts.world import a_record, a_score
from tests.conftest import START

TOKEN = "a token that only tests share"
ENVIRONMENT = {
    "KIZASHI_SERVICE_TOKEN": TOKEN,
    "KIZASHI_MASTER_KEYS": b64encode(MASTER_KEY).decode(),
    "KIZASHI_EGRESS_ALLOW": "127.0.0.0/8, ::1/128",
    "KIZASHI_PUBLIC_URL": "https://console.example",
}


def composed(stage: Stage) -> Service:
    return compose(
        Resources(
            producer=stage.bus.producer(),
            consumer=stage.bus.consumer,
            database=stage.database,
            clock=stage.clock,
            chance=os.urandom,
            new_uuid=stage.new_uuid,
            environment=ENVIRONMENT,
        )
    )


@pytest_asyncio.fixture
async def door(stage: Stage) -> AsyncIterator[httpx2.AsyncClient]:
    app = composed(stage).routes.internal
    assert app is not None
    headers = {"authorization": f"Bearer {TOKEN}", "kizashi-workspace": "demo", "kizashi-actor": "mem_aiko"}
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://alerts", headers=headers) as client:
        yield client


async def the_alert(stage: Stage) -> tuple[str, str]:
    """An open alert's path and id."""
    await stage.tell(a_score(1, START, dict(SILENT)))
    name = shown("alr", (await stage.alert())["id"])
    return f"/internal/v1/alerts/{name}", name


async def test_a_person_acknowledges_and_resolves_through_the_door(stage: Stage, door: httpx2.AsyncClient) -> None:
    path, name = await the_alert(stage)
    answer = await door.post(f"{path}/acknowledge", json={"note": "calling"}, headers={"if-match": '"v1"'})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"v2"')
    assert (answer.json()["id"], answer.json()["workflow"]) == (name, "acknowledged")
    stale = await door.post(f"{path}/resolve", json={"feedback": "useful"}, headers={"if-match": '"v1"'})
    assert (stale.status_code, stale.json()["code"], stale.json()["current"]["version"]) == (412, "stale_version", 2)
    done = await door.post(f"{path}/resolve", json={"feedback": "useful"}, headers={"if-match": "*"})
    assert (done.status_code, done.json()["resolution"]) == (200, "person")
    again = await door.post(f"{path}/acknowledge", headers={"if-match": "*"})
    assert (again.status_code, again.json()["code"]) == (409, "already_resolved")


async def test_what_lacks_a_version_a_body_or_a_right_is_told_so(stage: Stage, door: httpx2.AsyncClient) -> None:
    path, _ = await the_alert(stage)
    assert (await door.post(f"{path}/acknowledge")).status_code == 428
    missing = await door.post(f"{path}/resolve", json={}, headers={"if-match": "*"})
    assert (missing.status_code, missing.json()["errors"][0]["pointer"]) == (422, "/feedback")
    unknown = await door.post(f"{path}/resolve", json={"feedback": "useful", "why": 1}, headers={"if-match": "*"})
    assert unknown.status_code == 422
    stranger = {"if-match": "*", "kizashi-workspace": "other"}
    assert (await door.post(f"{path}/acknowledge", headers=stranger)).status_code == 404
    assert (await door.post("/internal/v1/alerts/nonsense/acknowledge", headers={"if-match": "*"})).status_code == 404
    nobody = {"if-match": "*", "authorization": "Bearer wrong"}
    assert (await door.post(f"{path}/acknowledge", headers=nobody)).status_code == 401
    assert (await stage.alert())["version"] == 1


async def test_endpoints_are_made_listed_tested_and_removed(stage: Stage, door: httpx2.AsyncClient) -> None:
    async with receiving() as receiver:
        made = await door.post("/internal/v1/webhook-endpoints", json={"url": receiver.url})
        assert (made.status_code, made.headers["etag"]) == (201, '"v1"')
        assert made.json()["secret"].startswith("whsec_")
        path = f"/internal/v1/webhook-endpoints/{made.json()['id']}"
        listed = (await door.get("/internal/v1/webhook-endpoints")).json()["results"]
        assert [(one["id"], one["secret"]) for one in listed] == [(made.json()["id"], None)]
        assert (await door.post(f"{path}/test")).status_code == 202
        await stage.deliver.turn(first=True)
        assert json.loads(receiver.got[0].body)["type"] == "endpoint.ping"
        foreign = {"kizashi-workspace": "other"}
        for method, url in (("GET", path), ("DELETE", path), ("POST", f"{path}/test")):
            assert (await door.request(method, url, headers=foreign)).status_code == 404
        assert (await door.delete(path, headers={"if-match": '"v9"'})).status_code == 412
        assert (await door.delete(path, headers={"if-match": '"v1"'})).status_code == 204
        assert (await door.get(path)).status_code == 404
    refused = await door.post("/internal/v1/webhook-endpoints", json={"url": "https://10.0.0.1/x", "events": ["a.b"]})
    assert refused.status_code == 422
    refused = await door.post("/internal/v1/webhook-endpoints", json={"url": "https://10.0.0.1/x"})
    assert refused.json()["errors"] == [
        {"pointer": "/url", "code": "blocked_address", "detail": "This address may not be reached from here."}
    ]


async def test_a_repeated_action_gets_the_answer_of_the_first(stage: Stage, door: httpx2.AsyncClient) -> None:
    path, _ = await the_alert(stage)
    once = {"if-match": '"v1"', "idempotency-key": "k1"}
    first = await door.post(f"{path}/acknowledge", json={"note": "calling"}, headers=once)
    done = await door.post(f"{path}/resolve", json={"feedback": "useful"}, headers={"if-match": '"v2"'})
    again = await door.post(f"{path}/acknowledge", json={"note": "calling"}, headers=once)
    other = await door.post(f"{path}/acknowledge", json={"note": "else"}, headers=once)
    assert (first.status_code, done.status_code, again.status_code) == (200, 200, 200)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert (await stage.alert())["workflow"] == "resolved"


async def test_a_key_is_free_again_after_a_refusal_and_after_a_day(stage: Stage, door: httpx2.AsyncClient) -> None:
    path, _ = await the_alert(stage)
    key = {"idempotency-key": "k1"}
    refused = await door.post(f"{path}/acknowledge", headers={"if-match": '"v7"', **key})
    right = await door.post(f"{path}/acknowledge", headers={"if-match": '"v1"', **key})
    stage.clock.advance(timedelta(hours=25))
    anew = await door.post(f"{path}/resolve", json={"feedback": "useful"}, headers={"if-match": "*", **key})
    assert (refused.status_code, right.status_code, anew.status_code) == (412, 200, 200)
    assert "idempotency-replayed" not in anew.headers
    assert [row["at"] for row in await stage.rows("SELECT at FROM alerts.idempotency")] == [stage.clock()]


async def test_requests_at_once_under_one_key_make_one_endpoint(stage: Stage, door: httpx2.AsyncClient) -> None:
    url, once = "/internal/v1/webhook-endpoints", {"idempotency-key": "k1"}
    answers = await asyncio.gather(
        *(door.post(url, json={"url": "http://127.0.0.1:9/hook"}, headers=once) for _ in range(5))
    )
    codes = sorted((answer.status_code, answer.json().get("code")) for answer in answers)
    assert codes == [(201, None), *[(409, "secret_already_shown")] * 4]
    (made,) = (await door.get(url)).json()["results"]
    assert all(made["id"] in answer.text for answer in answers)
    pings = [await door.post(f"{url}/{made['id']}/test", headers=once) for _ in range(2)]
    assert pings[0].json() == pings[1].json()
    assert ["idempotency-replayed" in ping.headers for ping in pings] == [False, True]
    assert len(await stage.rows("SELECT id FROM alerts.delivery")) == 1
    assert (await door.post(f"{url}/{made['id']}/test", headers={"idempotency-key": "k2"})).json() != pings[0].json()


async def test_the_key_of_another_actor_or_workspace_is_another(stage: Stage, door: httpx2.AsyncClient) -> None:
    url, body = "/internal/v1/webhook-endpoints", {"url": "http://127.0.0.1:9/hook"}
    for who in ({}, {"kizashi-actor": "mem_ken"}, {"kizashi-workspace": "other"}):
        answer = await door.post(url, json=body, headers={"idempotency-key": "k1", **who})
        assert answer.status_code == 201, answer.text


async def test_the_composed_service_turns_a_snapshot_into_a_signed_webhook(stage: Stage) -> None:
    service = composed(stage)
    names = [worker.name for worker in service.workers]
    assert names == ["consume", "relay", "deliver-first", "deliver-retries", "clock", "watch"]
    async with receiving() as receiver:
        from kizashi_common.contracts.commands.alerts import EndpointRequest

        await stage.manage.create("demo", "mem_aiko", EndpointRequest(url=receiver.url))
        working = [asyncio.ensure_future(worker.run()) for worker in service.workers]
        try:
            async with asyncio.timeout(20):
                while service.ready() is not None:
                    await asyncio.sleep(0.01)
                record = a_record(a_score(1, START, dict(SILENT)), 0)
                await stage.bus.producer().send(SCORES.name, 0, [_outgoing(record)])
                while not receiver.got:
                    await asyncio.sleep(0.01)
                for drain in service.drains:
                    await drain.run()
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
        (event,) = [decode(one.value) for one in stage.bus.records(ALERTS.name)]
        assert event.type == "alert.opened"
        assert receiver.got[0].body == stage.bus.records(ALERTS.name)[0].value
        assert event.timestamp - START < timedelta(seconds=1)


def _outgoing(record: Any) -> Any:
    from kizashi_common.contracts.envelope import Outgoing

    return Outgoing(record.key, record.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KIZASHI_MASTER_KEYS", "c2hvcnQ="),
        ("KIZASHI_EGRESS_ALLOW", "loopback"),
        ("KIZASHI_PUBLIC_URL", "console"),
        ("KIZASHI_SERVICE_TOKEN", "short"),
    ],
)
def test_a_setting_that_cannot_be_is_named_at_the_start(name: str, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        AlertsSettings.read(ENVIRONMENT | {name: value})
    assert refused.value.faults[0].pointer == name
