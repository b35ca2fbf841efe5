"""The console: signing in, reading, acting; without script and under a strict policy."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from html.parser import HTMLParser

import httpx2
import pytest

from kizashi_gateway.application.sign_in import make_link
from kizashi_gateway.domain.access import SCOPES
from tests.gateway.conftest import PUBLIC_URL, Gateway
from tests.gateway.seeding import NOW, AlertRow, Card

OURS = {"Origin": PUBLIC_URL}


async def link_of(gateway: Gateway, workspace: str = "demo") -> str:
    r = gateway.resources
    return await make_link(r.database, r.clock, r.chance, public_url=PUBLIC_URL, workspace=workspace)


@asynccontextmanager
async def signed_in(gateway: Gateway, workspace: str = "demo") -> AsyncIterator[httpx2.AsyncClient]:
    async with gateway.client() as browser:
        answer = await browser.post(await link_of(gateway, workspace), headers=OURS)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        yield browser


def csrf_in(page: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
    assert found is not None
    return found[1]


class Inline(HTMLParser):
    """Collects what the content policy forbids: scripts, styles, style and event attributes, foreign addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style"):
            self.found.append(tag)
        for name, value in attrs:
            if name == "style" or name.startswith("on"):
                self.found.append(f"{tag}@{name}")
            if name in ("src", "href", "action") and value and value.startswith(("http", "//", "javascript:")):
                self.found.append(f"{tag}@{name}={value}")


async def test_a_link_signs_in_once_and_a_preview_does_not_use_it_up(gateway: Gateway) -> None:
    link = await link_of(gateway)
    async with gateway.client() as browser:
        for _ in range(2):
            preview = await browser.get(link)
            assert preview.status_code == 200
            assert "set-cookie" not in preview.headers
        opened = await browser.post(link, headers=OURS)
        cookie = opened.headers["set-cookie"]
        assert cookie.startswith("kizashi=")
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Secure" not in cookie
        assert (await browser.get("/")).status_code == 200
        again = await browser.post(link, headers=OURS)
        assert again.status_code == 401
        assert "works once" in again.text


async def test_a_link_ends_after_ten_minutes(gateway: Gateway) -> None:
    link = await link_of(gateway)
    gateway.clock.advance(timedelta(minutes=10))
    async with gateway.client() as browser:
        assert (await browser.post(link, headers=OURS)).status_code == 401


async def test_the_link_itself_is_stored_nowhere(gateway: Gateway) -> None:
    secret = (await link_of(gateway)).rsplit("/", 1)[1]
    rows = str(await gateway.seeds.run("SELECT * FROM gateway.sign_in_link"))
    rows += str(await gateway.seeds.run("SELECT * FROM gateway.credential"))
    assert secret not in rows


async def test_an_admin_key_signs_in_and_a_lesser_key_does_not(gateway: Gateway) -> None:
    lesser = await gateway.key_with("accounts:read")
    async with gateway.client() as browser:
        for key in (lesser, "kza_nonsense", ""):
            answer = await browser.post("/sign-in", data={"key": key, "next": "/"}, headers=OURS)
            assert answer.status_code == 401
        key = gateway.founded.admin_key
        answer = await browser.post("/sign-in", data={"key": key, "next": "//evil.example"}, headers=OURS)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert (await browser.get("/")).status_code == 200
        # A session that began with a key ends with it.
        await gateway.seeds.run("UPDATE gateway.api_key SET revoked_at = now()")
        assert (await browser.get("/")).status_code == 303


async def test_a_key_from_before_a_right_existed_signs_in_and_may_what_it_may(gateway: Gateway) -> None:
    card = Card("acme")
    await gateway.seeds.cards(card)
    await gateway.seeds.alerts(AlertRow(card))
    key = await gateway.key_with(*(SCOPES["admin"] - {"alerts:act"}))
    async with gateway.client() as browser:
        answer = await browser.post("/sign-in", data={"key": key, "next": "/"}, headers=OURS)
        assert answer.status_code == 303
        page = (await browser.get("/a/ext:acme")).text
    assert "Silent against its own rhythm" in page
    assert ">Acknowledge<" not in page


async def test_who_is_not_signed_in_is_asked_to_and_comes_back(gateway: Gateway) -> None:
    async with gateway.client() as browser:
        answer = await browser.get("/a/ext:acme?lang=en")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/sign-in?next=%2Fa%2Fext%3Aacme%3Flang%3Den"


async def test_a_session_ends_by_idling_by_age_and_by_signing_out(gateway: Gateway) -> None:
    async with signed_in(gateway) as browser:
        for _ in range(4):
            gateway.clock.advance(timedelta(minutes=50))
            assert (await browser.get("/")).status_code == 200
        gateway.clock.advance(timedelta(minutes=61))
        assert (await browser.get("/")).status_code == 303
    async with signed_in(gateway) as browser:
        for _ in range(15):
            gateway.clock.advance(timedelta(minutes=50))
            last = await browser.get("/")
        assert last.status_code == 303
    async with signed_in(gateway) as browser:
        page = (await browser.get("/")).text
        cookie = browser.cookies["kizashi"]
        out = await browser.post("/sign-out", data={"csrf": csrf_in(page)}, headers=OURS)
        assert out.status_code == 303
        browser.cookies.set("kizashi", cookie)
        assert (await browser.get("/")).status_code == 303


async def test_the_portfolio_shows_who_why_and_how_much(gateway: Gateway) -> None:
    silent = Card("silent", name="Hoshino <b>Logistics</b>", band="risk", score=31.0)
    fine = Card("fine", name="Kitano", band="good", score=92.0, risk=5.0, owner="ken@vendor.example", reasons=())
    await gateway.seeds.cards(silent, fine)
    await gateway.seeds.days(silent, {date(2026, 11, 1) + timedelta(days=n): 80.0 - 2 * n for n in range(23)})
    await gateway.seeds.alerts(AlertRow(silent))
    await gateway.seeds.progress(NOW)
    async with signed_in(gateway) as browser:
        page = (await browser.get("/")).text
        filtered = (await browser.get("/?band=good")).text
        owned = (await browser.get("/?owner=ken@vendor.example")).text
    assert page.index("Hoshino") < page.index("Kitano")
    assert "Hoshino &lt;b&gt;Logistics" in page
    assert "9 operating days silent, 6.3 active days missed" in page
    assert "¥672K" in page
    assert f'href="/a/{silent.shown}"' in page
    assert "Health over the last 28 days, from 80.0 to 36.0" in page
    assert "24 Nov 2026, 09:00 UTC" in page
    assert "Nothing stands out" in page
    assert "Hoshino" not in filtered
    assert "Hoshino" not in owned


async def test_times_are_told_in_the_zone_of_the_workspace(gateway: Gateway) -> None:
    card = Card("acme")
    await gateway.seeds.cards(card)
    await gateway.seeds.zone("demo", "Asia/Tokyo")
    await gateway.seeds.zone("other", "America/New_York")
    await gateway.seeds.progress(NOW)
    async with signed_in(gateway) as browser:
        pages = [(await browser.get(path)).text for path in ("/", "/a/ext:acme")]
    for page in pages:
        assert "24 Nov 2026, 18:00 JST" in page
        assert "UTC" not in page
        assert "EST" not in page


async def test_the_portfolio_pages_on(gateway: Gateway) -> None:
    await gateway.seeds.cards(*(Card(f"account-{n:02}", name=None, risk=1000.0 - n) for n in range(53)))
    async with signed_in(gateway) as browser:
        first = (await browser.get("/")).text
        following = re.search(r'href="(/\?after=[^"]+)" rel="next"', first)
        assert following is not None
        second = (await browser.get(following[1])).text
    assert first.count('scope="row"') == 50
    assert [f"account-{n:02}" in second for n in (49, 50, 52)] == [False, True, True]


async def test_the_account_page_shows_points_that_add_up(gateway: Gateway) -> None:
    card = Card("acme", band_held="young")
    await gateway.seeds.cards(card)
    await gateway.seeds.days(card, {date(2026, 11, 1) + timedelta(days=n): 72.0 - n for n in range(20)})
    await gateway.seeds.fact(card, "seats", 40)
    await gateway.seeds.fact(card, "owner", "aiko@vendor.example")
    await gateway.seeds.fact(card, "plan", "Business")
    await gateway.seeds.fact(card, "plan", None, NOW)
    await gateway.seeds.alerts(
        AlertRow(card), AlertRow(card, number=1, workflow="resolved", closed=NOW, resolution="auto")
    )
    async with signed_in(gateway) as browser:
        page = (await browser.get("/a/ext:acme")).text
    sums = page[page.index('<table class="sums">') : page.index("</table>")]
    figures = [float(text.replace("\N{MINUS SIGN}", "-")) for text in re.findall(r'"figure">([^<]+)<', sums)]
    assert round(sum(figures[:-1]), 1) == figures[-1] == 51.2
    assert "range 9.0% – 21%" in page
    assert "A young account is not yet called a risk." in page
    assert "Aiko Mori" in page
    assert "Business" not in page
    assert "Call the champion and ask what changed" in page
    assert "usage.missed_days &lt; 1 for 1d" in page
    assert "Closed alerts (1)" in page
    assert page.count("<svg xmlns") == 2
    assert "20 Nov 2026" in page


async def test_an_open_alert_is_never_hidden_by_closed_ones(gateway: Gateway) -> None:
    card = Card("acme")
    closed = [
        AlertRow(card, number=n, workflow="resolved", opened=NOW, closed=NOW, resolution="auto") for n in range(1, 52)
    ]
    await gateway.seeds.cards(card)
    await gateway.seeds.alerts(AlertRow(card, opened=NOW - timedelta(days=300)), *closed)
    async with signed_in(gateway) as browser:
        page = (await browser.get("/a/ext:acme")).text
    assert page.count(">Acknowledge<") == 1
    assert "Closed alerts (50)" in page


async def test_the_history_ends_with_the_newest_local_day(gateway: Gateway) -> None:
    card = Card("acme")
    await gateway.seeds.cards(card)
    await gateway.seeds.days(card, {NOW.date() + timedelta(days=n): 60.0 + n for n in (-2, -1, 0, 1)})
    async with signed_in(gateway) as browser:
        page = (await browser.get("/a/ext:acme")).text
    assert '<time datetime="2026-11-25">' in page, "it is tomorrow already, east of Greenwich"


async def test_the_tiles_count_what_their_links_lead_to(gateway: Gateway) -> None:
    mine = Card("mine", band="risk", owner="zoe@vendor.example")
    await gateway.seeds.cards(mine, *(Card(f"other-{n}", band="risk", owner="ken@vendor.example") for n in range(5)))
    async with signed_in(gateway) as browser:
        everyone = (await browser.get("/")).text
        hers = (await browser.get("/?owner=zoe@vendor.example")).text
    assert ("6 accounts" in everyone, "6 accounts" in hers, "1 account" in hers) == (True, False, True)
    assert 'value="ken@vendor.example"' in hers


async def test_no_address_of_a_page_leads_elsewhere(gateway: Gateway) -> None:
    async with gateway.client() as anyone:
        page = await anyone.get("http://127.0.0.1//evil.example/x")
        wrong = await anyone.patch("/sign-in")
    assert page.status_code == 404
    assert 'href="/evil.example/x?lang=ja"' in page.text
    assert '"//' not in page.text
    assert (wrong.status_code, "POST" in wrong.headers["allow"]) == (405, True)


async def test_acknowledging_and_resolving_go_the_road_of_every_command(gateway: Gateway) -> None:
    card = Card("acme")
    row = AlertRow(card)
    await gateway.seeds.cards(card)
    await gateway.seeds.alerts(row)
    async with signed_in(gateway) as browser:
        csrf = csrf_in((await browser.get("/a/ext:acme")).text)
        base = f"/a/{card.shown}/alerts/{row.shown}"
        done = await browser.post(f"{base}/acknowledge", data={"csrf": csrf, "version": "1"}, headers=OURS)
        assert done.status_code == 303
        assert done.headers["location"] == f"/a/{card.shown}?done=acknowledged#alerts"
        assert "Acknowledged." in (await browser.get(done.headers["location"])).text
        stale = await browser.post(
            f"{base}/resolve", data={"csrf": csrf, "version": "1", "feedback": "useful"}, headers=OURS
        )
        assert stale.status_code == 412
        assert "Somebody changed this alert in between" in stale.text
        ill = await browser.post(f"{base}/resolve", data={"csrf": csrf, "version": "2", "feedback": "?"}, headers=OURS)
        assert ill.status_code == 422
        assert f'href="/a/{card.shown}?lang=ja"' in stale.text, "the page that a form draws is the account's"
        gateway.owners.status = 502
        down = await browser.post(f"{base}/acknowledge", data={"csrf": csrf, "version": "2"}, headers=OURS)
        assert down.status_code == 503
        assert "cannot be reached just now" in down.text
    assert gateway.owners.asked[0].caller.actor == f"mem_{gateway.founded.admin.hex}"
    log = await gateway.seeds.run("SELECT outcome FROM gateway.audit WHERE phase = 'result' AND action LIKE 'alert.%'")
    assert sorted(entry["outcome"] for entry in log) == ["done", "owner_unavailable", "stale_version"]


@pytest.mark.parametrize(("headers", "wrong"), [({}, False), ({"Origin": "http://evil.example"}, False), (OURS, True)])
async def test_a_form_that_is_not_ours_changes_nothing(gateway: Gateway, headers: dict[str, str], wrong: bool) -> None:
    card = Card("acme")
    row = AlertRow(card)
    await gateway.seeds.cards(card)
    await gateway.seeds.alerts(row)
    async with signed_in(gateway) as browser:
        csrf = "0" * 64 if wrong else csrf_in((await browser.get("/a/ext:acme")).text)
        answer = await browser.post(
            f"/a/{card.shown}/alerts/{row.shown}/acknowledge", data={"csrf": csrf, "version": "1"}, headers=headers
        )
    assert answer.status_code == 403
    assert gateway.owners.asked == []


async def test_the_api_takes_the_session_for_reading_and_for_writing_with_proof(gateway: Gateway) -> None:
    body = {"name": "a", "scopes": ["accounts:read"]}
    async with signed_in(gateway) as browser:
        me = (await browser.get("/v1/me")).json()
        bare = await browser.post("/v1/api-keys", json=body, headers=OURS)
        foreign = await browser.post("/v1/api-keys", json=body, headers={"Kizashi-CSRF": me["csrf"]})
        ours = await browser.post("/v1/api-keys", json=body, headers={**OURS, "Kizashi-CSRF": me["csrf"]})
    assert me["actor"].startswith("mem_")
    assert (bare.status_code, bare.json()["code"]) == (403, "csrf")
    assert foreign.status_code == 403
    assert ours.status_code == 201


async def test_a_member_of_another_workspace_finds_nothing(gateway: Gateway) -> None:
    card = Card("acme", name="Hoshino")
    row = AlertRow(card)
    await gateway.seeds.cards(card)
    await gateway.seeds.alerts(row)
    await gateway.another("other")
    async with signed_in(gateway, "other") as browser:
        home = (await browser.get("/")).text
        page = await browser.get(f"/a/{card.shown}")
        csrf = csrf_in(home)
        await browser.post(
            f"/a/{card.shown}/alerts/{row.shown}/acknowledge", data={"csrf": csrf, "version": "1"}, headers=OURS
        )
    assert "Hoshino" not in home
    assert "No account here" in home
    assert page.status_code == 404
    assert {asked.caller.workspace for asked in gateway.owners.asked} <= {"other"}


async def test_a_viewer_sees_no_forbidden_button_and_is_refused_all_the_same(gateway: Gateway) -> None:
    card = Card("acme")
    row = AlertRow(card)
    await gateway.seeds.cards(card)
    await gateway.seeds.alerts(row)
    await gateway.seeds.run("UPDATE gateway.member SET role = 'viewer'")
    async with gateway.client() as browser:
        r = gateway.resources
        link = await make_link(
            r.database, r.clock, r.chance, public_url=PUBLIC_URL, workspace="demo", member_id=gateway.founded.admin
        )
        await browser.post(link, headers=OURS)
        page = (await browser.get("/a/ext:acme")).text
        answer = await browser.post(
            f"/a/{card.shown}/alerts/{row.shown}/acknowledge",
            data={"csrf": csrf_in(page), "version": "1"},
            headers=OURS,
        )
    assert "Silent against its own rhythm" in page
    assert "/acknowledge" not in page
    assert answer.status_code == 403
    assert "Your role does not allow this." in answer.text


async def test_no_page_holds_anything_inline_in_either_language(gateway: Gateway) -> None:
    card = Card("acme", arr=None, stale=True)
    empty = Card("empty", score=None, band=None, pulse=None, change=None, reasons=(), renewal=None, owner=None)
    await gateway.seeds.cards(card, empty)
    await gateway.seeds.days(card, {date(2026, 11, 1) + timedelta(days=n): 72.0 - n for n in range(20)})
    await gateway.seeds.alerts(AlertRow(card, severity="critical"))
    async with signed_in(gateway) as browser:
        for language in ("en", "ja"):
            for path in ("/", "/?band=good", "/a/ext:acme", "/a/ext:empty", "/a/ext:none", "/sign-in", "/sign-in/x"):
                separator = "&" if "?" in path else "?"
                answer = await browser.get(f"{path}{separator}lang={language}")
                assert answer.status_code in (200, 404), (path, answer.text)
                assert f'<html lang="{language}">' in answer.text
                inline = Inline()
                inline.feed(answer.text)
                assert [x for x in inline.found if "www.w3.org" not in x] == [], path
                assert "style-src 'self'" in answer.headers["content-security-policy"]


async def test_the_language_is_that_of_the_address_then_the_choice_then_the_browser(gateway: Gateway) -> None:
    async with gateway.client(**{"Accept-Language": "fr, ja;q=0.8, en;q=0.4"}) as browser:
        assert '<html lang="ja">' in (await browser.get("/sign-in")).text
        assert '<html lang="en">' in (await browser.get("/sign-in?lang=en")).text
        assert '<html lang="en">' in (await browser.get("/sign-in")).text


async def test_the_stylesheet_may_be_kept_for_ever(gateway: Gateway) -> None:
    async with gateway.client() as browser:
        page = (await browser.get("/sign-in")).text
        address = re.search(r'href="(/static/kizashi\.[0-9a-f]{12}\.css)"', page)
        assert address is not None
        answer = await browser.get(address[1])
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
    assert "http" not in answer.text
