"""`/v1/accounts`: the portfolio's order, its filters, its pages."""

from __future__ import annotations

from tests.gateway.conftest import Gateway
from tests.gateway.seeding import AlertRow, Card


async def test_accounts_come_by_revenue_at_risk_with_all_that_the_portfolio_shows(gateway: Gateway) -> None:
    big, small = Card("big", risk=900_000.0), Card("small", name=None, risk=10.5, currency=None)
    await gateway.seeds.cards(small, big)
    await gateway.seeds.alerts(
        AlertRow(big), AlertRow(big, rule="risk.pulse_crossing"), AlertRow(small, severity="low")
    )

    async with gateway.admin as admin:
        answer = await admin.get("/v1/accounts")

    assert answer.status_code == 200
    first, second = answer.json()["results"]
    assert [first["external_id"], second["external_id"]] == ["big", "small"]
    assert answer.json()["next"] is None
    assert first["id"] == big.shown
    assert first["owner"] == {"id": f"mem_{gateway.founded.admin.hex}", "name": "Aiko Mori"}
    assert first["revenue_at_risk"] == {"amount": "900000", "currency": "JPY"}
    assert first["open_alerts"] == {"high": 2}
    assert first["pulse"] == {"probability": 0.14, "horizon_days": 30}
    assert first["top_reasons"][0]["code"] == "SILENCE"
    assert second["revenue_at_risk"] == {"amount": "10.5", "currency": "XXX"}
    assert second["name"] is None


async def test_unknown_revenue_is_said_to_be_unknown_and_not_zero(gateway: Gateway) -> None:
    await gateway.seeds.cards(Card("unknown", arr=None, risk=100.0))
    async with gateway.admin as admin:
        row = (await admin.get("/v1/accounts")).json()["results"][0]
    assert row["arr"] is None
    assert row["revenue_at_risk"] is None


async def test_filters_narrow_the_list(gateway: Gateway) -> None:
    await gateway.seeds.cards(
        Card("mine", band="risk"),
        Card("theirs", band="good", owner="ken@vendor.example"),
        Card("nobodys", band="watch", owner=None),
        Card("gone", lifecycle="churned"),
    )

    async with gateway.admin as admin:

        async def found(query: str) -> set[str]:
            answer = await admin.get(f"/v1/accounts?{query}")
            assert answer.status_code == 200, answer.text
            return {row["external_id"] for row in answer.json()["results"]}

        assert await found("") == {"mine", "theirs", "nobodys"}
        assert await found("band=risk,good") == {"mine", "theirs"}
        assert await found("owner=ken@vendor.example") == {"theirs"}
        assert await found("owner=me") == {"mine"}
        assert await found("external_id=gone") == {"gone"}
        assert await found("lifecycle=churned") == {"gone"}


async def test_paging_neither_doubles_nor_loses_rows_that_come_in_between(gateway: Gateway) -> None:
    await gateway.seeds.cards(*(Card(f"a{n}", risk=100.0 * (n // 2)) for n in range(9)))
    seen: list[str] = []

    async with gateway.admin as admin:
        url: str | None = "/v1/accounts?limit=2"
        while url is not None:
            answer = await admin.get(url)
            seen += [row["external_id"] for row in answer.json()["results"]]
            if len(seen) == 4:
                await gateway.seeds.cards(Card("late-and-large", risk=10_000.0), Card("late-and-small", risk=0.5))
            cursor = answer.json()["next"]
            assert (cursor is not None) == ("link" in answer.headers)
            url = f"/v1/accounts?limit=2&cursor={cursor}" if cursor else None

    assert len(seen) == len(set(seen))
    assert set(seen) == {f"a{n}" for n in range(9)} | {"late-and-small"}


async def test_a_cursor_of_other_filters_is_refused(gateway: Gateway) -> None:
    await gateway.seeds.cards(Card("a"), Card("b"))
    async with gateway.admin as admin:
        cursor = (await admin.get("/v1/accounts?limit=1")).json()["next"]
        for query in (f"band=risk&cursor={cursor}", "cursor=forged", f"cursor={cursor}x"):
            answer = await admin.get(f"/v1/accounts?{query}")
            assert answer.status_code == 400
            assert answer.json()["code"] == "cursor_mismatch"
        assert (await admin.get(f"/v1/accounts?limit=1&cursor={cursor}")).status_code == 200


async def test_an_account_is_found_by_either_id(gateway: Gateway) -> None:
    card = Card("acme 42:é")
    await gateway.seeds.cards(card)
    async with gateway.admin as admin:
        by_id = await admin.get(f"/v1/accounts/{card.shown}")
        by_name = await admin.get("/v1/accounts/ext:acme%2042%3A%C3%A9")
        absent = await admin.get("/v1/accounts/ext:nobody")
        malformed = await admin.get("/v1/accounts/acc_zz")
    assert by_id.status_code == 200
    assert by_id.json() == by_name.json()
    assert absent.status_code == malformed.status_code == 404
    assert absent.headers["content-type"] == "application/problem+json"
    assert absent.json()["instance"] == "/v1/accounts/ext:nobody"


async def test_what_the_client_has_already_is_not_sent_again(gateway: Gateway) -> None:
    card = Card("acme")
    await gateway.seeds.cards(card)
    async with gateway.admin as admin:
        first = await admin.get(f"/v1/accounts/{card.shown}")
        again = await admin.get(f"/v1/accounts/{card.shown}", headers={"If-None-Match": first.headers["etag"]})
        await gateway.seeds.run("UPDATE health.account_card SET score = 60")
        changed = await admin.get(f"/v1/accounts/{card.shown}", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert changed.status_code == 200
    assert changed.json()["score"] == 60


async def test_a_query_that_nobody_knows_is_refused_with_its_name(gateway: Gateway) -> None:
    async with gateway.admin as admin:
        answer = await admin.get("/v1/accounts?bands=risk&limit=0")
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid"
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {"/query/bands", "/query/limit"}
