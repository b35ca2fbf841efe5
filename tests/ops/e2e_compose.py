"""The foundation's story, the demo and the watchers, told of an installation that others started with Compose.

Run by `scripts/e2e-compose`: `python -m tests.ops.e2e_compose WHAT`, with the installation's .env in the environment
and `KIZASHI_E2E_HERE`, the address under which its containers reach this machine. WHAT is a name in `PARTS`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import httpx2

from tests.stories.harness import Kizashi, eventually, get
from tests.stories.test_first_hour import (
    test_a_person_acknowledges_and_resolves_and_the_version_is_guarded as a_person,
)
from tests.stories.test_first_hour import (
    test_sdk_events_become_a_score_an_alert_and_a_signed_webhook as the_first_hour,
)
from tests.stories.test_first_hour import (
    test_what_is_refused_says_why_and_its_neighbours_are_counted as what_is_refused,
)

STORIES: Final = (the_first_hour, a_person, what_is_refused)
ACCOUNTS: Final = 150
"""Of the demo's 200 some have left or are too young to be scored."""
ALERTS: Final = 5


def port(name: str, usual: int) -> str:
    """The address that the compose file publishes."""
    return f"http://127.0.0.1:{os.environ.get(f'KIZASHI_{name}_PORT', usual)}"


def product() -> Kizashi:
    """The installation, as its published ports and its .env describe it."""
    ready = {
        "gateway": port("GATEWAY", 7300),
        "ingest": port("INGEST", 7301),
        "admin_key": os.environ["KIZASHI_FIRST_ADMIN_KEY"],
        "server_key": os.environ["KIZASHI_FIRST_SERVER_KEY"],
    }
    return Kizashi(ready, None, Path(os.devnull), os.environ["KIZASHI_E2E_HERE"])


async def story() -> None:
    """An unmodified SDK sends; a score, an alert and a signed webhook come out; a person acts; refusals are told."""
    for one in STORIES:
        began = time.monotonic()
        await one(product())
        print(f"  {time.monotonic() - began:5.1f} s  {one.__name__.removeprefix('test_')}")


async def demo() -> None:
    """The demo's past is there: its accounts with scores, and alerts that its stories open."""
    async with product().client() as api:
        scored = await eventually(lambda: _scored(api), lambda count: count >= ACCOUNTS, 60)
        found = await eventually(lambda: get(api, "/v1/alerts"), lambda a: a and len(a["results"]) >= ALERTS, 60)
        before = await _counted(api)
        await eventually(lambda: _counted(api), lambda count: count != before, 120)
    print(f"  {scored} accounts scored, {len(found['results'])} alerts on the first page, live use goes on")


async def _scored(api: httpx2.AsyncClient) -> int:
    """How many accounts have a score, of those that are no lost customers."""
    page = await get(api, "/v1/accounts", limit="200")
    return sum(account["score"] is not None for account in page["results"]) if page else 0


async def _counted(_: httpx2.AsyncClient) -> float:
    """Events that ingest has accepted, as Prometheus saw it last."""
    return float(await query('sum(kizashi_ingest_events_total{outcome="accepted"})'))


async def recovered() -> None:
    """What is sent now is counted and scored."""
    account = f"after-{time.time_ns()}"
    event = {"id": account, "account": account, "user": "u", "action": "login"}
    async with product().sender() as sender, product().client() as api:
        began = time.monotonic()
        await eventually(lambda: sender.post("/v1/events", json=event), lambda answer: answer.is_success, 60)
        await eventually(lambda: get(api, f"/v1/accounts/ext:{account}"), bool, 60)
    print(f"  {time.monotonic() - began:5.1f} s  from a new event to its account")


async def query(expression: str) -> float:
    """The first value of an instant query; -1 without one."""
    async with httpx2.AsyncClient(base_url=port("PROMETHEUS", 9090), trust_env=False) as prometheus:
        found = (await prometheus.get("/api/v1/query", params={"query": expression})).json()["data"]["result"]
    return float(found[0]["value"][1]) if found else -1.0


async def watched() -> None:
    """Prometheus scrapes every process and evaluates every rule, Alertmanager hears of it, the canary succeeds."""
    for expression, wanted in (
        ('count(up{job="kizashi"} == 1)', 4),
        ('count(up{job="kizashi-canary"} == 1)', 1),
        ("sum(kizashi_ready)", 4),
        ("sum(kizashi_schema_ok)", 4),
        ('count(ALERTS{alertname="KizashiWatchdog", alertstate="firing"})', 1),
        ('count(time() - kizashi_canary_last_success_timestamp_seconds{leg="score"} < 120)', 1),
    ):
        await eventually(lambda asked=expression: query(asked), lambda value, least=wanted: value >= least, 120)
        print(f"  {expression} = {wanted}")
    async with httpx2.AsyncClient(base_url=port("ALERTMANAGER", 9093), trust_env=False) as alertmanager:
        await eventually(lambda: get(alertmanager, "/api/v2/alerts"), bool, 120)
    print("  Alertmanager holds the watchdog")


PARTS: Final[Mapping[str, Callable[[], Awaitable[Any]]]] = {
    "story": story,
    "watched": watched,
    "demo": demo,
    "recovered": recovered,
}


if __name__ == "__main__":
    asyncio.run(PARTS[sys.argv[1]]())
