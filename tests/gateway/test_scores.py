"""Scores and signals: as of a day from health, the history from the view."""

from __future__ import annotations

from datetime import date, timedelta

from tests.gateway.conftest import Gateway
from tests.gateway.seeding import Card


async def test_a_score_as_of_a_day_is_what_health_answers(gateway: Gateway) -> None:
    card = Card("acme")
    await gateway.seeds.cards(card)
    async with gateway.admin as admin:
        now = await admin.get(f"/v1/accounts/{card.shown}/score")
        then = await admin.get("/v1/accounts/ext:acme/score?as_of=2026-10-01")
        same = await admin.get(f"/v1/accounts/{card.shown}/score", headers={"If-None-Match": now.headers["etag"]})
    pulse = now.json()["pulse"]
    assert pulse["baseline"] + sum(pulse["points"].values()) + pulse["scale"] == pulse["health"]
    assert pulse["calibration"]["id"] == 41
    assert then.json()["as_of"] == "2026-10-01"
    assert then.json()["basis"] == "recomputed"
    assert same.status_code == 304
    assert gateway.owners.asked[1].query == {"as_of": "2026-10-01"}
    assert gateway.owners.asked[1].path == f"/internal/v1/accounts/{card.shown}/score"


async def test_signals_are_those_that_are_known(gateway: Gateway) -> None:
    await gateway.seeds.cards(Card("acme"))
    async with gateway.admin as admin:
        answer = await admin.get("/v1/accounts/ext:acme/signals")
    assert answer.json()["signals"] == {"usage.silent_days": 9.0, "account.lapsed": False}


async def test_health_is_not_asked_about_an_account_that_is_not_there(gateway: Gateway) -> None:
    async with gateway.admin as admin:
        answer = await admin.get("/v1/accounts/ext:nobody/score")
    assert answer.status_code == 404
    assert gateway.owners.asked == []


async def test_a_day_that_is_none_is_refused(gateway: Gateway) -> None:
    await gateway.seeds.cards(Card("acme"))
    async with gateway.admin as admin:
        answer = await admin.get("/v1/accounts/ext:acme/score?as_of=yesterday")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/query/as_of"


async def test_the_history_ends_with_the_local_day_that_it_is(gateway: Gateway) -> None:
    card = Card("acme")
    await gateway.seeds.cards(card)
    await gateway.seeds.days(card, {date(2026, 11, 24): 80.0, date(2026, 11, 25): 79.0})
    gateway.clock.advance(timedelta(hours=8))
    async with gateway.admin as admin:
        utc = (await admin.get(f"/v1/accounts/{card.shown}/scores")).json()["results"]
        await gateway.seeds.zone("demo", "Asia/Tokyo")
        tokyo = (await admin.get(f"/v1/accounts/{card.shown}/scores")).json()["results"]
    assert [row["day"] for row in utc] == ["2026-11-24"]
    assert [row["day"] for row in tokyo] == ["2026-11-24", "2026-11-25"]


async def test_the_history_shows_both_bases_side_by_side(gateway: Gateway) -> None:
    card = Card("acme")
    await gateway.seeds.cards(card)
    await gateway.seeds.days(card, {date(2026, 11, 1): 80.0, date(2026, 11, 2): 79.0}, "reconstructed")
    await gateway.seeds.days(card, {date(2026, 11, 2): 78.5, date(2026, 11, 3): 60.0})
    async with gateway.admin as admin:
        url = f"/v1/accounts/{card.shown}/scores"
        everything = (await admin.get(url)).json()["results"]
        narrow = (await admin.get(f"{url}?from=2026-11-02&to=2026-11-02")).json()["results"]
        backwards = await admin.get(f"{url}?from=2026-11-02&to=2026-11-01")
        endless = await admin.get(f"{url}?from=2020-01-01")
    assert [(row["day"], row["basis"]) for row in everything] == [
        ("2026-11-01", "reconstructed"),
        ("2026-11-02", "published"),
        ("2026-11-02", "reconstructed"),
        ("2026-11-03", "published"),
    ]
    assert [row["score"] for row in narrow] == [78.5, 79.0]
    assert backwards.status_code == endless.status_code == 422
