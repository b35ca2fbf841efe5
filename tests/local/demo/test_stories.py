"""The running demo, story by story, as a person sees it: what is expected stands in `expected.py`."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from kizashi_local.demo.names import Story
from kizashi_local.demo.vendor import Customer, customers, holiday
from tests.local.demo.conftest import RunningDemo
from tests.local.demo.expected import EXPECTED
from tests.stories.harness import eventually, get

pytestmark = pytest.mark.story

OPEN = "open,acknowledged,in_progress"
STAYED: tuple[Story, ...] = ("steady", "growing", "seat_pressed", "fading", "silent", "never_activated")


class Shown:
    """All that the gateway shows: accounts and open alerts by external id."""

    def __init__(self, accounts: list[Any], alerts: list[Any]) -> None:
        self.accounts = {account["external_id"]: account for account in accounts}
        self.alerts: dict[str, list[Any]] = {}
        for alert in alerts:
            self.alerts.setdefault(alert["account"]["external_id"], []).append(alert)

    def rules(self, external_id: str) -> list[str]:
        return sorted(alert["rule"] for alert in self.alerts.get(external_id, ()))


@pytest_asyncio.fixture(scope="module")
async def shown(demo: RunningDemo) -> Shown:
    return Shown(await everything(demo, "accounts"), await everything(demo, "alerts", state=OPEN))


async def everything(demo: RunningDemo, what: str, **query: str) -> list[Any]:
    """All pages of a list."""
    found: list[Any] = []
    async with demo.client() as client:
        following: str | None = ""
        while following is not None:
            page = {"cursor": following} if following else {}
            answer = await client.get(f"/v1/{what}", params={"limit": "200", **query, **page})
            assert answer.status_code == 200, answer.text
            found += answer.json()["results"]
            following = answer.json()["next"]
    return found


def of(demo: RunningDemo, *stories: Story) -> list[Customer]:
    return [customer for customer in customers(demo.day) if customer.story in stories]


@pytest.mark.parametrize("story", STAYED)
async def test_every_account_of_a_story_is_as_one_expects(demo: RunningDemo, shown: Shown, story: Story) -> None:
    expected = EXPECTED[story]
    for customer in of(demo, story):
        account = shown.accounts[customer.external_id]
        assert expected.lowest <= account["score"] <= expected.highest, account
        assert account["band"] in expected.bands, account
        assert account["evidence"] == expected.evidence, account
        assert account["lifecycle"] == expected.lifecycle, account
        assert account["top_reasons"], account
        assert not expected.reasons or account["top_reasons"][0]["code"] in expected.reasons, account
        assert shown.rules(customer.external_id) == sorted(expected.alerts), account


async def test_who_left_is_not_in_the_list_and_has_no_alert(demo: RunningDemo, shown: Shown) -> None:
    gone = {customer.external_id for customer in of(demo, "left")}
    assert not gone & shown.accounts.keys()
    assert not gone & shown.alerts.keys()
    churned = await everything(demo, "accounts", lifecycle="churned")
    assert {account["external_id"] for account in churned} == gone


async def test_accounts_show_what_the_crm_knows_of_them(demo: RunningDemo, shown: Shown) -> None:
    for customer in of(demo, *STAYED):
        account = shown.accounts[customer.external_id]
        assert account["name"] == customer.name
        assert account["owner"]["name"] == customer.owner
        assert float(account["arr"]["amount"]) == customer.arr
        assert account["arr"]["currency"] == "EUR"
        assert account["renewal_date"] == str(customer.renewal)


async def test_the_list_begins_with_the_most_revenue_at_risk(demo: RunningDemo, shown: Shown) -> None:
    at_risk = [float(account["revenue_at_risk"]["amount"]) for account in shown.accounts.values()]
    assert at_risk == sorted(at_risk, reverse=True)
    leaving = {"fading", "silent", "never_activated"}
    stories = {customer.external_id: customer.story for customer in customers(demo.day)}
    assert sum(stories[name] in leaving for name in list(shown.accounts)[:8]) >= 6


async def test_the_inbox_holds_few_alerts_each_with_its_next_steps(demo: RunningDemo, shown: Shown) -> None:
    alerts = [alert for found in shown.alerts.values() for alert in found]
    assert Counter(alert["rule"] for alert in alerts) == Counter(
        rule for customer in customers(demo.day) for rule in EXPECTED[customer.story].alerts
    )
    assert all(alert["recommended_actions"] and alert["evidence"] and alert["title"] for alert in alerts)


async def test_a_large_account_that_fades_before_its_renewal_is_urgent(shown: Shown) -> None:
    severities = {alert["rule"]: alert["severity"] for alert in shown.alerts["dusklight"]}
    assert severities.keys() == {"risk.pulse_crossing", "risk.silence"}
    assert severities["risk.silence"] == "high"
    # Critical once the ranks of revenue are known, which the census makes when a day begins.
    assert severities["risk.pulse_crossing"] in ("high", "critical")


async def test_the_holiday_left_neither_an_alert_nor_a_dent(demo: RunningDemo) -> None:
    first, last = holiday(demo.day)[0], holiday(demo.day)[-1]
    for alert in await everything(demo, "alerts"):
        assert not first <= datetime.fromisoformat(alert["as_of"]).date() <= last + timedelta(days=1), alert
    async with demo.client() as client:
        for customer in of(demo, "steady")[:5]:
            rows = (await get(client, f"/v1/accounts/ext:{customer.external_id}/scores"))["results"]
            week = [row for row in rows if first < date.fromisoformat(row["day"]) <= last]
            assert len(week) == 6
            assert all(row["band"] == "good" for row in week)


async def test_every_account_has_ninety_days_of_past_scores(demo: RunningDemo) -> None:
    async with demo.client() as client:
        for name in ("even-keel", "dusklight", "quietwater", "full-house"):
            start = str(demo.day - timedelta(days=100))
            rows = (await get(client, f"/v1/accounts/ext:{name}/scores", **{"from": start}))["results"]
            days = {row["day"] for row in rows if row["basis"] == "reconstructed"}
            assert {str(demo.day - timedelta(days=back)) for back in range(1, 89)} <= days


async def test_a_silent_account_fell_from_good_when_its_silence_began(demo: RunningDemo) -> None:
    async with demo.client() as client:
        for customer in of(demo, "silent"):
            then = await get(client, f"/v1/accounts/ext:{customer.external_id}/score", as_of=str(customer.turned))
            now = await get(client, f"/v1/accounts/ext:{customer.external_id}/score")
            assert (then["band"], then["basis"]) == ("good", "recomputed")
            assert now["score"] < then["score"] - 15.0


async def test_live_use_arrives_through_the_segment_sdk(demo: RunningDemo) -> None:
    async def active_today() -> int:
        # The imported past ends the day before: who is active today was sent in by the SDK.
        return sum((one["last_active_day"] or "") >= str(demo.day) for one in await everything(demo, "accounts"))

    wanted = 1 if demo.day.weekday() >= 5 else 20
    await eventually(active_today, lambda count: count >= wanted, 120.0)
