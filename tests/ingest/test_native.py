"""Native events and facts: what their senders are told, and what becomes of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from kizashi_common.contracts.events import Fact
from tests.ingest.house import NOW, House, warnings_of

EVENT = {
    "id": "evt_01",
    "account": "acct_42",
    "user": "u_1",
    "action": "feature_used",
    "feature": "Export",
    "at": "2026-11-22T09:03:26.271Z",
    "quantity": 3,
    "name": "Report exported",
    "properties": {"format": "csv"},
}


async def test_the_example_of_the_design_becomes_its_event(house: House) -> None:
    answer = await house.post("/v1/events", {"events": [EVENT]})
    assert answer.status == 200
    assert answer.json == {
        "results": [{"index": 0, "status": "accepted", "id": "evt_01"}],
        "accepted": 1,
        "quarantined": 0,
    }
    event = house.the_event()
    assert (event.id, event.subject, event.data.via) == ("evt_01", "acct_42", "native")
    assert (event.data.action, event.data.feature, event.data.quantity) == ("feature_used", "export", 3)
    assert event.time == datetime(2026, 11, 22, 9, 3, 26, 271_000, tzinfo=UTC)
    assert (event.data.channel, event.data.actor) == ("server", "human")
    assert json.loads(bytes(event.data.properties)) == {"format": "csv"}


async def test_one_object_alone_is_one_event(house: House) -> None:
    assert (await house.post("/v1/events", EVENT)).json["accepted"] == 1


async def test_a_lone_bad_event_is_told_so_and_kept(house: House) -> None:
    answer = await house.post("/v1/events", {"id": "x", "name": "Login"})
    assert (answer.status, answer.json["code"]) == (422, "invalid_event")
    assert answer.json["errors"][0]["code"] == "no_identity"
    assert [record.code for record in house.refused()] == ["no_identity"]


async def test_strict_means_all_or_nothing(house: House) -> None:
    bad = {**EVENT, "id": "evt_02", "action": "dance"}
    answer = await house.post("/v1/events", {"events": [EVENT, bad]}, headers=[("Prefer", "handling=strict")])
    assert (answer.status, answer.json["code"]) == (422, "strict_rejected")
    assert answer.json["errors"] == [
        {"pointer": "/events/1/action", "code": "unknown_type", "detail": answer.json["errors"][0]["detail"]}
    ]
    assert house.events() == []
    assert house.refused() == []


async def test_each_item_gets_its_own_verdict(house: House) -> None:
    items: list[Any] = [
        EVENT,
        EVENT,
        {"name": "$autocapture", "user": "u", "id": "i"},
        5,
        {**EVENT, "account": "other"},
    ]
    answer = await house.post("/v1/events", {"events": items})
    statuses = [(one["index"], one["status"], one.get("code")) for one in answer.json["results"]]
    assert statuses == [
        (0, "accepted", None),
        (1, "duplicate_in_batch", None),
        (2, "ignored", None),
        (3, "quarantined", "not_an_event"),
        (4, "quarantined", "id_conflict"),
    ]
    assert (answer.json["accepted"], answer.json["quarantined"]) == (2, 2)
    assert len(house.events()) == 1


async def test_members_nobody_knows_are_kept_as_properties(house: House) -> None:
    await house.post("/v1/events", {"events": [{**EVENT, "colour": "red", "format": "ignored", "writeKey": "WK_test"}]})
    event = house.the_event()
    assert json.loads(bytes(event.data.properties)) == {"format": "csv", "colour": "red"}
    assert warnings_of(event) == {"unknown_member"}
    assert {warning.pointer for warning in event.data.warnings} == {"/colour", "/format"}


@pytest.mark.parametrize(
    ("members", "action", "feature"),
    [
        ({"name": "Signed In"}, "login", None),
        ({"name": "user_logged-in"}, "login", None),
        ({"name": "Report Viewed", "properties": {"feature_key": "Big  Report"}}, "feature_used", "big_report"),
        ({"name": "Report Viewed", "feature": "reports"}, "feature_used", "reports"),
        ({"name": "Report Viewed"}, "other", None),
        ({"action": "login"}, "login", None),
        ({"action": "page", "name": "Home"}, "page", None),
        ({"name": "$pageview"}, "page", None),
    ],
)
async def test_the_action_is_stated_or_follows_from_the_name(
    house: House, members: dict[str, Any], action: str, feature: str | None
) -> None:
    await house.post("/v1/events", {"id": "e", "account": "a", "at": "2026-11-22T09:00:00Z", **members})
    assert (house.the_event().data.action, house.the_event().data.feature) == (action, feature)


@pytest.mark.parametrize("members", [{"name": "Feature Used"}, {"action": "feature_used"}])
async def test_a_feature_used_without_a_feature_is_other_and_says_so(house: House, members: dict[str, Any]) -> None:
    await house.post("/v1/events", {"id": "e", "account": "a", "at": "2026-11-22T09:00:00Z", **members})
    assert house.the_event().data.action == "other"
    assert warnings_of(house.the_event()) == {"feature_missing"}


async def test_a_trial_event_is_flagged(house: House) -> None:
    await house.post("/v1/events", {**EVENT, "test": True})
    assert house.the_event().data.flags == ["test"]


@pytest.mark.parametrize(
    ("properties", "key", "actor"),
    [
        ({}, "WK_test", "human"),
        ({}, "WK_jobs", "service"),
        ({"actor_type": "system"}, "WK_test", "service"),
        ({"actor_type": "Import"}, "WK_test", "import"),
        ({"actor_type": "human"}, "WK_jobs", "human"),
        ({"actor_type": "alien"}, "WK_jobs", "service"),
    ],
)
async def test_who_acted_is_said_by_the_event_or_by_its_key(
    house: House, properties: dict[str, str], key: str, actor: str
) -> None:
    await house.post("/v1/events", {**EVENT, "properties": properties}, key=key)
    assert house.the_event().data.actor == actor


@pytest.mark.parametrize(
    ("quantity", "counted"), [(5, 5), (0, 1), (-1, 1), (1_000_001, 1), (1.5, 1), (True, 1), ("3", 1)]
)
async def test_a_quantity_is_a_whole_number_or_one(house: House, quantity: Any, counted: int) -> None:
    await house.post("/v1/events", {**EVENT, "quantity": quantity})
    assert house.the_event().data.quantity == counted


async def test_facts_travel_under_their_account_in_the_shapes_that_facts_have(house: House) -> None:
    item = {
        "id": "acct_42",
        "at": "2026-11-22T08:00:00Z",
        "event_id": "crm-991",
        "facts": {
            "plan": "pro",
            "licenses": 50,
            "mrr": {"amount": 1200.5, "currency": "eur"},
            "renewal_date": "2027-03-31",
            "owner": None,
            "mood": ["good", "calm"],
            "auto_renews": True,
        },
        "entries": [{"name": "ticket", "id": "T-991", "at": "2026-11-21T10:00:00Z", "value": {"status": "open"}}],
    }
    answer = await house.post("/v1/facts", {"accounts": [item]})
    assert answer.json["results"] == [{"index": 0, "status": "accepted", "id": "crm-991"}]
    (fact,) = house.messages()
    assert isinstance(fact, Fact)
    assert (fact.subject, fact.time, fact.partitionkey) == (
        "acct_42",
        datetime(2026, 11, 22, 8, tzinfo=UTC),
        "ws_demo|a:acct_42",
    )
    found = {(one.name, one.entry): one.value for one in fact.data.facts}
    assert found == {
        ("plan", ""): "pro",
        ("seats", ""): 50,
        ("mrr", ""): {"amount": "1200.5", "currency": "EUR"},
        ("renewal_date", ""): "2027-03-31",
        ("owner", ""): None,
        ("x.mood", ""): ["good", "calm"],
        ("auto_renews", ""): True,
        ("ticket", "T-991"): {"status": "open"},
    }
    assert fact.data.facts[-1].at == datetime(2026, 11, 21, 10, tzinfo=UTC)


async def test_a_bare_amount_takes_the_currency_beside_it_or_the_sources(house: House) -> None:
    raw = b'{"accounts":[{"id":"a","facts":{"mrr":1200.00}},{"id":"b","facts":{"mrr":"99.90","currency":"usd"}}]}'
    await house.post("/v1/facts", raw)
    found = {fact.subject: fact.data.facts[0].value for fact in house.messages()}
    assert found == {
        "a": {"amount": "1200.00", "currency": "EUR"},
        "b": {"amount": "99.90", "currency": "USD"},
    }


async def test_money_without_a_currency_is_no_fact(house: House) -> None:
    answer = await house.post("/v1/facts", {"accounts": [{"id": "a", "facts": {"arr": 5}}]}, key="WK_jobs")
    assert answer.json["results"][0]["code"] == "invalid_fact"
    group = {"groupId": "a", "userId": "u", "messageId": "g", "timestamp": NOW.isoformat(), "traits": {"arr": 5}}
    await house.post("/v1/group", group, key="WK_jobs")
    assert house.the_event().data.facts == []
    assert warnings_of(house.the_event()) == {"fact_ignored"}


async def test_a_fact_from_the_future_is_true_from_now_on(house: House) -> None:
    await house.post("/v1/facts", {"accounts": [{"id": "a", "at": "2031-01-01", "facts": {"seats": 5}}]})
    assert house.messages()[0].time == NOW


@pytest.mark.parametrize(
    "item",
    [
        {"id": "a"},
        {"id": "a", "facts": {}},
        {"id": "a", "facts": {"Bad Name": 1}},
        {"id": "a", "facts": {f"f{i}": i for i in range(101)}},
        {"id": "a", "entries": {"name": "ticket"}},
        {"id": "a", "entries": [{"name": "ticket", "id": "T"}]},
        {"id": "a", "entries": [{"name": "ticket", "value": {}}]},
        {"id": "a", "entries": ["ticket"]},
    ],
)
async def test_facts_without_shape_are_refused_alone(house: House, item: dict[str, Any]) -> None:
    answer = await house.post("/v1/facts", {"accounts": [item, {"id": "b", "facts": {"seats": 1}}]})
    assert (answer.json["accepted"], answer.json["quarantined"]) == (1, 1)
    assert house.refused()[0].code == "invalid_fact"


async def test_facts_need_an_account(house: House) -> None:
    answer = await house.post("/v1/facts", {"accounts": [{"id": "null", "facts": {"seats": 1}}]})
    assert answer.json["results"][0]["code"] == "no_identity"


async def test_the_same_facts_sent_again_have_the_same_id(house: House) -> None:
    for _ in range(2):
        await house.post("/v1/facts", {"accounts": [{"id": "a", "facts": {"seats": 5}}]})
    assert len({fact.id for fact in house.messages()}) == 1
