"""`/v1/alerts`: what needs a person, and what a person does with it."""

from __future__ import annotations

import json
from datetime import timedelta

from tests.gateway.conftest import Gateway
from tests.gateway.seeding import NOW, AlertRow, Card


async def test_an_alert_says_why_what_to_do_and_what_would_clear_it(gateway: Gateway) -> None:
    card = Card("acme")
    row = AlertRow(card)
    await gateway.seeds.alerts(row)
    async with gateway.admin as admin:
        answer = await admin.get(f"/v1/alerts/{row.shown}")
    alert = answer.json()
    assert answer.headers["etag"] == '"v1"'
    assert alert["title"] == "Silent against its own rhythm"
    assert alert["recommended_actions"][1] == "Call the champion and ask what changed"
    assert alert["evidence"]["usage.missed_days"] == 6.3
    assert alert["clears_when"] == "usage.missed_days < 1 for 1d"
    assert alert["account"] == {"id": card.shown, "external_id": "acme", "name": "Acme KK"}


async def test_filters_narrow_the_list_and_pages_go_from_new_to_old(gateway: Gateway) -> None:
    acme, other = Card("acme"), Card("other", owner="ken@vendor.example")
    rows = [AlertRow(acme, number=n, opened=NOW - timedelta(days=n // 2), closed=NOW) for n in range(5)]
    low = AlertRow(other, kind="expansion", rule="expansion.seat_pressure", severity="low", workflow="acknowledged")
    await gateway.seeds.alerts(*rows, low)

    async with gateway.admin as admin:

        async def found(query: str) -> list[str]:
            answer = await admin.get(f"/v1/alerts?{query}")
            assert answer.status_code == 200, answer.text
            return [row["id"] for row in answer.json()["results"]]

        assert len(await found("")) == 6
        assert await found("kind=expansion,renewal") == [low.shown]
        assert await found("severity=low") == [low.shown]
        assert await found("state=acknowledged,resolved") == [low.shown]
        assert await found("owner=ken@vendor.example") == [low.shown]
        assert await found("account=ext:other") == [low.shown]
        assert set(await found(f"account={acme.shown}&owner=me")) == {row.shown for row in rows}

        seen: list[str] = []
        cursor = ""
        while cursor is not None:
            page = (await admin.get("/v1/alerts", params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
            seen += [row["id"] for row in page["results"]]
            cursor = page["next"]
    assert len(seen) == len(set(seen)) == 6


async def test_an_acknowledgement_travels_to_its_owner_with_the_version_and_the_actor(gateway: Gateway) -> None:
    row = AlertRow(Card("acme"))
    await gateway.seeds.alerts(row)
    async with gateway.admin as admin:
        answer = await admin.post(
            f"/v1/alerts/{row.shown}/acknowledge",
            json={"note": "mine"},
            headers={"If-Match": '"v1"', "Idempotency-Key": "once"},
        )
    assert answer.status_code == 200, answer.text
    assert answer.json()["workflow"] == "acknowledged"
    assert answer.headers["etag"] == '"v2"'
    asked = gateway.owners.asked[-1]
    assert asked.path == f"/internal/v1/alerts/{row.shown}/acknowledge"
    assert asked.caller.workspace == "demo"
    assert asked.caller.actor.startswith("key_")
    assert asked.headers["if-match"] == '"v1"'
    assert asked.headers["idempotency-key"] == "once"
    assert json.loads(asked.body) == {"note": "mine"}


async def test_an_action_without_a_version_is_asked_for_one_and_a_star_is_none(gateway: Gateway) -> None:
    row = AlertRow(Card("acme"))
    async with gateway.admin as admin:
        url = f"/v1/alerts/{row.shown}/acknowledge"
        absent = await admin.post(url)
        star = await admin.post(url, headers={"If-Match": "*"})
    for answer in (absent, star):
        assert answer.status_code == 428
        assert answer.json()["code"] == "if_match_required"
    assert gateway.owners.asked == []


async def test_a_stale_version_is_refused_with_the_current_object(gateway: Gateway) -> None:
    row = AlertRow(Card("acme"))
    gateway.owners.version = 5
    async with gateway.admin as admin:
        answer = await admin.post(
            f"/v1/alerts/{row.shown}/resolve", json={"feedback": "useful"}, headers={"If-Match": '"v3"'}
        )
    problem = answer.json()
    assert answer.status_code == 412
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["code"] == "stale_version"
    assert problem["current"]["version"] == 5
    assert problem["instance"] == f"/v1/alerts/{row.shown}/resolve"
    assert problem["request_id"] == answer.headers["kizashi-request-id"]


async def test_an_owner_that_fails_is_unavailable_and_reads_go_on(gateway: Gateway) -> None:
    row = AlertRow(Card("acme"))
    await gateway.seeds.alerts(row)
    gateway.owners.status = 500
    async with gateway.admin as admin:
        acted = await admin.post(f"/v1/alerts/{row.shown}/acknowledge", headers={"If-Match": '"v1"'})
        read = await admin.get(f"/v1/alerts/{row.shown}")
    assert acted.status_code == 503
    assert acted.json()["code"] == "owner_unavailable"
    assert int(acted.headers["retry-after"]) >= 1
    assert read.status_code == 200


async def test_every_write_leaves_its_intent_and_its_result(gateway: Gateway) -> None:
    row = AlertRow(Card("acme"))
    async with gateway.admin as admin:
        done = await admin.post(
            f"/v1/alerts/{row.shown}/resolve",
            json={"feedback": "wrong", "note": "a\x00b"},
            headers={"If-Match": '"v1"'},
        )
        stale = await admin.post(f"/v1/alerts/{row.shown}/acknowledge", headers={"If-Match": '"v1"'})
    assert (done.status_code, stale.status_code) == (200, 412)
    log = await gateway.seeds.run(
        "SELECT phase, action, object, outcome, actor, request_id, body FROM gateway.audit"
        " WHERE action LIKE 'alert.%' ORDER BY action DESC, phase"
    )
    assert [(entry["phase"], entry["action"], entry["outcome"]) for entry in log] == [
        ("intent", "alert.resolve", None),
        ("result", "alert.resolve", "done"),
        ("intent", "alert.acknowledge", None),
        ("result", "alert.acknowledge", "stale_version"),
    ]
    assert {entry["object"] for entry in log} == {row.shown}
    assert log[0]["request_id"] == log[1]["request_id"] == done.headers["kizashi-request-id"]
    assert json.loads(log[0]["body"]) == {"feedback": "wrong", "note": "a\ufffdb"}


async def test_a_write_that_cannot_be_recorded_does_not_happen(gateway: Gateway) -> None:
    await gateway.seeds.run("REVOKE INSERT ON gateway.audit FROM kizashi_gateway")
    async with gateway.admin as admin:
        answer = await admin.post(
            f"/v1/alerts/{AlertRow(Card('acme')).shown}/acknowledge", headers={"If-Match": '"v1"'}
        )
    assert answer.status_code == 500
    assert gateway.owners.asked == []
