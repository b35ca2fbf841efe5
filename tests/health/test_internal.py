"""Health asked by the other services: as of a day, its settings, its reconstructed past."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from kizashi_common.contracts import scores
from kizashi_common.http.internal import ACTOR, WORKSPACE
from kizashi_common.runtime.service import Service
from tests.builders import NOON, a_fact, an_event
from tests.conftest import Databases
from tests.health.harness import Health, until


def asking(service: Service, workspace: str = "demo", token: str = "t") -> httpx2.AsyncClient:
    assert service.routes.internal is not None
    headers = {"authorization": f"Bearer {token}", WORKSPACE: workspace, ACTOR: "mem_1"}
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=service.routes.internal), base_url="http://health", headers=headers
    )


@pytest_asyncio.fixture
async def running(databases: Databases) -> AsyncIterator[tuple[Health, Service]]:
    health = Health(databases)
    async with health.running() as service:
        for account in range(60):
            # A third each: always there, gone for 50 days, once a week.
            days = (range(1, 120), range(50, 120), range(1, 120, 7))[account % 3]
            await health.send(
                *(
                    an_event(f"{account}-{d}", f"account-{account}", NOON - timedelta(days=d), flags=["historical"])
                    for d in days
                )
            )
        await health.beat()
        await service.drains[0].run()
        await until(lambda: _is_proved(health))
        yield health, service


async def _is_proved(health: Health) -> bool:
    (row,) = await health.rows("SELECT bool_and(complete_through IS NOT NULL) AS proved FROM health.consumer_slot")
    return bool(row["proved"])


async def test_a_past_day_reads_the_same_after_the_future_arrived(running: tuple[Health, Service]) -> None:
    health, service = running
    async with asking(service) as client:
        days = [(NOON - timedelta(days=d)).date().isoformat() for d in range(2, 60, 7)]
        before = [await _score(client, "account-1", day) for day in days]
        await health.send(
            *(an_event(f"more-{d}", "account-1", NOON - timedelta(days=1), user_id=f"u{d}") for d in range(20)),
            a_fact("f", "account-1", {"seats": 5}, NOON - timedelta(days=1)),
        )
        await service.drains[0].run()
        after = [await _score(client, "account-1", day) for day in days]
    assert {score.reason for score in health.published() if score.external_id != "account-1"} <= {
        "rebuild",
        "model_change",
    }
    for one, two in zip(before, after, strict=True):
        one.pop("complete_through"), two.pop("complete_through")
        assert one == two


async def test_the_answer_names_a_calibration_of_its_monday_and_its_points_add_up(
    running: tuple[Health, Service],
) -> None:
    _, service = running
    async with asking(service) as client:
        answer = await _score(client, "account-0", "2026-11-11")
    pulse = answer["pulse"]
    assert (answer["basis"], answer["as_of"]) == ("recomputed", "2026-11-11")
    assert pulse["calibration"]["as_of"] == "2026-11-09"
    assert pulse["calibration"]["basis"] == "inactivity"
    total = pulse["baseline"] + sum(pulse["points"].values()) + pulse["scale"]
    assert total == pytest.approx(pulse["health"], abs=1e-9)


async def test_a_day_beyond_what_is_proved_is_cut_and_says_so(running: tuple[Health, Service]) -> None:
    _, service = running
    async with asking(service) as client:
        answer = await _score(client, "account-0", "2027-03-01")
    assert (answer["as_of"], answer["stale"]) == ("2026-11-24", True)


@pytest.mark.parametrize(
    ("as_of", "utc", "tokyo"),
    [
        ("2026-11-11", "2026-11-11", "2026-11-11"),
        ("2026-11-11T20:00:00Z", "2026-11-11", "2026-11-12"),
        ("2026-11-11T20:00:00-08:00", "2026-11-12", "2026-11-12"),
        ("2026-11-12T05:00:00+09:00", "2026-11-11", "2026-11-12"),
        ("2026-11-11T23:30", "2026-11-11", "2026-11-11"),
    ],
)
async def test_an_instant_reads_as_of_the_start_of_its_local_day(
    databases: Databases, as_of: str, utc: str, tokyo: str
) -> None:
    health = Health(databases)
    async with health.running() as service, asking(service, "japan") as japan, asking(service) as client:
        await japan.put("/internal/v1/workspace-settings", json={"zone": "Asia/Tokyo"}, headers={"if-match": "*"})
        last = NOON - timedelta(days=1)
        await health.send(an_event("e", "acme", last), an_event("e", "acme", last, workspace="japan"))
        await health.beat()
        await service.drains[0].run()
        await until(lambda: _is_proved(health))
        assert (await _score(client, "acme", as_of))["as_of"] == utc
        assert (await _score(japan, "acme", as_of))["as_of"] == tokyo


@pytest.mark.parametrize("as_of", ["", "today", "2026-13-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_what_is_no_day_is_refused(databases: Databases, as_of: str) -> None:
    async with Health(databases).running() as service, asking(service) as client:
        answer = await client.get("/internal/v1/accounts/ext:acme/score", params={"as_of": as_of})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/as_of")


async def test_settings_are_versions_and_every_account_follows_them(running: tuple[Health, Service]) -> None:
    health, service = running
    async with asking(service) as client:
        path = "/internal/v1/workspace-settings"
        first = await client.get(path)
        made = await client.put(path, json={"horizon_days": 60}, headers={"if-match": first.headers["etag"]})
        stale = await client.put(path, json={"horizon_days": 90}, headers={"if-match": first.headers["etag"]})
        zone = await client.put(path, json={"zone": "Asia/Tokyo"}, headers={"if-match": "*"})
        wrong = await client.put(path, json={"horizon_days": 1, "zone": "Mars/Base"}, headers={"if-match": "*"})
        await until(lambda: _horizons(health, 60))
    assert (first.json()["version"], made.json()["version"]) == (0, 1)
    assert (stale.status_code, stale.json()["current"]["version"]) == (412, 1)
    assert (zone.status_code, zone.json()["code"]) == (409, "zone_needs_rebuild")
    assert {fault["pointer"] for fault in wrong.json()["errors"]} == {"/horizon_days", "/zone"}
    last = {score.external_id: score.reason for score in health.published()}
    assert set(last.values()) == {"model_change"}


async def _horizons(health: Health, days: int) -> bool:
    rows = await health.rows("SELECT DISTINCT horizon_days FROM health.account_card")
    return [row["horizon_days"] for row in rows] == [days]


async def test_a_reconstruction_gives_charts_and_rules_a_past(running: tuple[Health, Service]) -> None:
    health, service = running
    async with asking(service) as client:
        made = await client.post("/internal/v1/reconstructions", json={"days": 30})
        page = await client.get("/internal/v1/snapshots", params={"days": "10", "limit": "25"})
        other = await client.get(
            "/internal/v1/snapshots", params={"after": page.headers["kizashi-next"], "limit": "500"}
        )
    assert made.json() == {"accounts": 60, "rows": 1800, "from_day": "2026-10-26", "to_day": "2026-11-24"}
    told = [scores.decode(line.encode()) for line in page.text.splitlines()]
    assert len(told) == 25 * (10 + 1), "ten reconstructed days and the present one, for each account"
    for account in {one.id for one in told}:
        *days, present = [one for one in told if one.id == account]
        assert (len(days), present.day) == (10, NOON.date())
        assert present.as_of > days[-1].as_of
        assert (present.score, present.signals["usage.silent_days"]) == (
            days[-1].score,
            days[-1].signals["usage.silent_days"],
        )
    assert "kizashi-next" not in other.headers
    (row,) = await health.rows(
        "SELECT count(*) AS n, count(score) AS scored FROM health.account_score_day WHERE basis = 'reconstructed'"
    )
    assert (row["n"], row["scored"]) == (1800, 1800)


async def test_a_stranger_and_a_foreign_workspace_get_nothing(running: tuple[Health, Service]) -> None:
    _, service = running
    async with asking(service, token="wrong") as stranger, asking(service, workspace="other") as foreign:
        refused = await stranger.get("/internal/v1/accounts/ext:account-0/score")
        unseen = await foreign.get("/internal/v1/accounts/ext:account-0/score")
        snapshots = await foreign.get("/internal/v1/snapshots")
    assert (refused.status_code, unseen.status_code) == (401, 404)
    assert snapshots.text == ""


async def _score(client: httpx2.AsyncClient, account: str, day: str) -> Any:
    answer = await client.get(f"/internal/v1/accounts/ext:{account}/score", params={"as_of": day})
    assert answer.status_code == 200, answer.text
    return answer.json()
