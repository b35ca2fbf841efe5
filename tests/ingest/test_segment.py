"""Segment's and RudderStack's calls, beyond what was recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.ingest.house import BROWSER, House, warnings_of

AT = "2026-11-22T09:00:00Z"


def message(**members: Any) -> dict[str, Any]:
    return {"messageId": "m1", "timestamp": AT, "userId": "u_1", **members}


@pytest.mark.parametrize(
    ("call", "action"),
    [
        ("track", "other"),
        ("identify", "identify"),
        ("group", "group"),
        ("page", "page"),
        ("screen", "page"),
        ("alias", "alias"),
    ],
)
@pytest.mark.parametrize("short", [False, True])
async def test_on_a_single_route_the_path_says_the_call(house: House, call: str, action: str, short: bool) -> None:
    path = f"/v1/{call[0] if short else call}"
    item = message(type="nonsense", event="Something Done", groupId="acct_42", writeKey="WK_test")
    assert (await house.post(path, item, key=None)).status == 200
    assert house.the_event().data.action == action


async def test_group_traits_become_facts_and_stay_as_they_came(house: House) -> None:
    traits = {
        "name": "Acme",
        "website": "acme.example",
        "license_count": 50,
        "monthly_recurring_revenue": 1200,
        "renews_at": "2027-03-31",
        "csm": "jo@vendor.example",
        "createdAt": "2020-01-01",
        "favourite_colour": "red",
        "industry": {"code": 5},
        "plan": None,
    }
    await house.post("/v1/group", message(groupId="acct_42", traits=traits))
    event = house.the_event()
    assert {fact.name: fact.value for fact in event.data.facts} == {
        "name": "Acme",
        "domain": "acme.example",
        "seats": 50,
        "mrr": {"amount": "1200", "currency": "EUR"},
        "renewal_date": "2027-03-31",
        "owner": "jo@vendor.example",
        "customer_since": "2020-01-01",
        "plan": None,
    }
    assert json.loads(bytes(event.data.group_traits)) == traits
    assert [(note.code, note.pointer) for note in event.data.warnings] == [("fact_ignored", "/traits/industry")]


async def test_a_trait_that_is_not_a_number_unsets_nothing(house: House) -> None:
    raw = json.dumps(message(groupId="a", traits={"seats": "@", "name": "A"})).replace('"@"', "NaN").encode()
    await house.post("/v1/group", raw)
    event = house.the_event()
    assert [fact.name for fact in event.data.facts] == ["name"]
    assert warnings_of(event) == {"non_finite_number", "fact_ignored"}


@pytest.mark.parametrize(
    ("members", "account", "via"),
    [
        ({"context": {"groupId": "a1"}}, "a1", "context"),
        ({"context": {"group_id": "a1"}}, "a1", "context"),
        ({"properties": {"$groups": {"team": "x", "company": "a1"}}}, "a1", "groups"),
        ({"properties": {"account_id": "a1"}}, "a1", "property"),
        ({"properties": {"accountId": "a1"}}, "a1", "property"),
        ({"properties": {"groupId": "a1"}}, "a1", "property"),
        ({"properties": {"group_id": 15}}, "15", "property"),
        ({"properties": {"organization_id": "a1"}}, "a1", "property"),
        ({"context": {"traits": {"company": {"id": "a1"}}}}, "a1", "trait"),
        ({"properties": {"account_id": {"no": "id"}}}, None, None),
        ({"context": {"traits": {"company": "Acme"}}}, None, None),
        ({}, None, None),
    ],
)
async def test_the_account_is_found_where_events_state_it(
    house: House, members: dict[str, Any], account: str | None, via: str | None
) -> None:
    await house.post("/v1/track", message(event="Done", **members))
    event = house.the_event()
    assert (event.subject, event.data.via) == (account, via)
    assert event.partitionkey == (f"ws_demo|a:{account}" if account else "ws_demo|u:u_1")


async def test_identify_takes_its_account_from_its_traits(house: House) -> None:
    await house.post("/v1/identify", message(traits={"email": "a@example.com", "company": {"id": "a1"}}))
    event = house.the_event()
    assert (event.subject, event.data.via) == ("a1", "trait")
    assert event.data.facts == []


async def test_traits_in_the_context_count_for_identify_alone(house: House) -> None:
    context = {"traits": {"email": "a@example.com"}}
    await house.post("/v1/identify", message(context=context, messageId="i"))
    await house.post("/v1/track", message(context=context, messageId="t", event="Done"))
    found = {event.id: json.loads(bytes(event.data.traits)) for event in house.events()}
    assert found == {"i": {"email": "a@example.com"}, "t": {}}


async def test_an_event_of_nobody_known_goes_where_links_will_find_it(house: House) -> None:
    await house.post("/v1/track", {"messageId": "m", "timestamp": AT, "event": "Seen", "anonymousId": "anon_9"})
    (event,) = house.messages("kizashi.unattributed.v1")
    assert (event.partitionkey, event.subject) == ("ws_demo|n:anon_9", None)


async def test_a_context_is_kept_to_a_short_list_without_queries_and_addresses(house: House) -> None:
    context = {
        "ip": "203.0.113.5",
        "library": {"name": "analytics.js", "version": "next-1.84.3"},
        "userAgent": "Mozilla/5.0",
        "locale": "en-US",
        "timezone": "UTC",
        "page": {"path": "/a", "url": "https://a.example/a?token=sesame#x", "title": "A?", "search": "?token=sesame"},
        "campaign": {"source": "x"},
    }
    await house.post("/v1/track", message(event="Done", context=context), key=BROWSER)
    event = house.the_event()
    assert json.loads(bytes(event.data.context)) == {
        "library": {"name": "analytics.js", "version": "next-1.84.3"},
        "user_agent": "Mozilla/5.0",
        "locale": "en-US",
        "timezone": "UTC",
        "page": {"path": "/a", "url": "https://a.example/a", "title": "A?"},
    }
    assert event.data.channel == "browser"


async def test_urls_among_properties_lose_their_query(house: House) -> None:
    properties = {"url": "https://a.example/x?token=sesame", "text": "is it https://a.example/?q"}
    await house.post("/v1/page", message(properties=properties))
    assert json.loads(bytes(house.the_event().data.properties)) == {
        "url": "https://a.example/x",
        "text": "is it https://a.example/?q",
    }


async def test_a_servers_key_in_a_browser_works_and_is_remarked(house: House) -> None:
    context = {"library": {"name": "analytics.js", "version": "1"}}
    await house.post("/v1/track", message(event="Done", context=context))
    assert warnings_of(house.the_event()) == {"server_key_in_browser"}


async def test_a_robot_is_flagged_and_kept(house: House) -> None:
    context = {"userAgent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}
    await house.post("/v1/page", message(context=context), key=BROWSER)
    assert house.the_event().data.flags == ["bot"]


async def test_a_servers_own_agent_makes_nobody_a_robot(house: House) -> None:
    await house.post("/v1/track", message(event="Done"), headers=[("User-Agent", "python-requests/2.31")])
    assert house.the_event().data.flags == []


async def test_rudderstacks_channel_tells_where_it_runs(house: House) -> None:
    await house.post("/v1/track", message(event="Done", channel="mobile"), key="WK_rudder")
    event = house.the_event()
    assert event.data.channel == "mobile"
    assert event.data.ingest is not None
    assert event.data.ingest.dialect == "rudderstack"


@pytest.mark.parametrize("member", ["properties", "context", "traits"])
@pytest.mark.parametrize("value", [None, [], "", "text", 5])
async def test_a_member_that_is_no_object_is_empty(house: House, member: str, value: Any) -> None:
    call = "/v1/identify" if member == "traits" else "/v1/track"
    assert (await house.post(call, message(event="Done", **{member: value}))).json["accepted"] == 1
    odd = value in ("text", 5)
    assert warnings_of(house.the_event()) == ({"not_an_object"} if odd else set())


async def test_the_original_timestamp_is_the_time_of_the_event(house: House) -> None:
    await house.post("/v1/track", message(event="Done", originalTimestamp="2026-11-20T01:02:03.456789+09:00"))
    event = house.the_event()
    assert event.time.isoformat() == "2026-11-19T16:02:03.456000+00:00"
    assert event.data.time.dedupe_day.isoformat() == "2026-11-19"
    assert event.data.time.original == "2026-11-20T01:02:03.456789+09:00"
