"""An imported past: judged from an empty state, opened without telling anybody, and gone on from without doubling.

Source: ALERTS.md 2, "held as one batch".
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kizashi_alerts.adapters.health import SNAPSHOTS_PATH, Health
from kizashi_alerts.adapters.pasts import Pasts
from kizashi_alerts.application.imported_past import JudgePast
from kizashi_alerts.engine.past import encode, past_of, restored
from kizashi_common.contracts.commands.alerts import ImportedPast
from kizashi_common.contracts.scores import Score
from kizashi_common.contracts.scores import encode as encode_score
from kizashi_common.errors import Busy
from kizashi_common.http.internal import InternalClient
from tests.alerts.stage import BACK, SILENT, Stage
from tests.alerts.world import START, World, a_score
from tests.ports import free_port

SUBJECT = ("demo", f"a:{a_score(1, START, {}).id}")
CROSSING: dict[str, Any] = {"pulse.probability": 0.2, "pulse.cut": 0.1, "score.evidence": "ok"} | dict(BACK)


def days(*signals: Any, first: int = 1, **other: Any) -> list[Score]:
    """One snapshot a day, oldest first."""
    return [a_score(0, START + timedelta(days=first + i), dict(values), **other) for i, values in enumerate(signals)]


def test_what_is_true_at_the_end_is_opened_as_of_the_day_it_began_and_nobody_is_told() -> None:
    world = World()
    past = past_of(world.book, days(BACK, BACK, SILENT, SILENT, SILENT))
    assert past is not None
    world.wake(SUBJECT, restored(json.loads(encode(past))))
    world.expect("opened risk.silence (batch)")
    alert = world.alert("risk.silence")
    assert alert.opened_at == START + timedelta(days=3)
    assert alert.as_of == START + timedelta(days=5)
    assert (alert.held_by, alert.notified_at) == ("batch", None)


def test_what_was_true_and_is_over_is_not_opened() -> None:
    world = World()
    past = past_of(world.book, days(SILENT, SILENT, BACK, BACK, BACK))
    assert past is not None
    assert past.conditions == []


def test_live_snapshots_go_on_from_there_without_doubling() -> None:
    world = World()
    past = past_of(world.book, days(SILENT, SILENT))
    assert past is not None
    world.wake(SUBJECT, past)
    world.expect("opened risk.silence (batch)")
    world.signals |= dict(SILENT)
    world.at("3d").at("4d").expect_nothing()
    world.at("5d", usage__missed_days=0.0, usage__silent_days=0.0).at("6d").expect("resolved risk.silence (batch)")


def test_time_that_the_past_served_counts_for_live() -> None:
    world = World()
    past = past_of(world.book, days(CROSSING))
    assert past is not None
    world.wake(SUBJECT, past)
    world.expect_nothing()
    world.signals = dict(CROSSING)
    world.at("2d").expect("opened risk.pulse_crossing")


def test_the_same_past_twice_opens_nothing_twice_and_revives_nothing_that_a_person_closed() -> None:
    world = World()
    past = past_of(world.book, days(SILENT, SILENT))
    assert past is not None
    world.wake(SUBJECT, past)
    world.wake(SUBJECT, past)
    world.expect("opened risk.silence (batch)")
    world.resolve("3d", "risk.silence").expect("resolved risk.silence (batch)")
    world.wake(SUBJECT, past)
    world.expect_nothing()


def test_what_live_found_already_is_left_as_it_is() -> None:
    world = World()
    world.signals |= dict(SILENT)
    world.at("6d").expect("opened risk.silence")
    past = past_of(world.book, days(SILENT, SILENT))
    assert past is not None
    world.wake(SUBJECT, past)
    world.expect_nothing()


def test_a_severity_above_the_peak_breaks_the_silence_about_a_held_alert() -> None:
    world = World()
    past = past_of(world.book, days(CROSSING, CROSSING, CROSSING))
    assert past is not None
    world.wake(SUBJECT, past)
    world.expect("opened risk.pulse_crossing (batch)")
    world.signals = dict(CROSSING)
    world.at("4d", renewal__days_left=30.0, revenue__percentile=0.9)
    world.expect("severity_raised risk.pulse_crossing (severity_raised!)")
    assert world.alert("risk.pulse_crossing").held_by is None


@asynccontextmanager
async def health_with(pages: list[list[Score]]) -> AsyncIterator[tuple[InternalClient, list[dict[str, str]]]]:
    """Health's address, answering one page after the other."""
    asked: list[dict[str, str]] = []

    async def snapshots(request: Request) -> Response:
        asked.append(dict(request.query_params) | {"workspace": request.headers["kizashi-workspace"]})
        index = int(request.query_params.get("after", "acc_0").removeprefix("acc_"))
        body = b"".join(encode_score(score) + b"\n" for score in pages[index])
        following = {"kizashi-next": f"acc_{index + 1}"} if index + 1 < len(pages) else {}
        return Response(body, headers=following)

    app = Starlette(routes=[Route(SNAPSHOTS_PATH, snapshots)])
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off"))
    serving = asyncio.ensure_future(server.serve())
    client = InternalClient(f"http://127.0.0.1:{port}", "a token that only tests share", "alerts")
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield client, asked
    finally:
        await client.aclose()
        server.should_exit = True
        await serving


async def test_pages_are_read_to_the_end_and_adopted_by_the_owner_of_the_partition(stage: Stage) -> None:
    first = [*days(SILENT, SILENT, external_id="acme"), *days(BACK, BACK, external_id="fine")]
    second = days(BACK, SILENT, external_id="other")
    async with health_with([first, second]) as (client, asked):
        judge = JudgePast(Health(client), Pasts(stage.database, stage.bus.producer()), stage.alerts.book)

        async def owner() -> None:
            while not await stage.wake():
                await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as group:
            answer = group.create_task(judge.judge("demo", ImportedPast(days=30)))
            group.create_task(owner())
    assert (answer.result().subjects, answer.result().opened) == (3, 2)
    assert [one["days"] for one in asked] == ["30", "30"]
    assert asked[0]["workspace"] == "demo"
    rows = await stage.rows("SELECT external_id, held_by, opened_at FROM alerts.alert ORDER BY external_id")
    assert [(row["external_id"], row["held_by"]) for row in rows] == [("acme", "batch"), ("other", "batch")]
    events = await stage.relayed()
    assert {(event.data.notify.decision, event.data.notify.reason) for event in events} == {("hold", "batch")}
    assert await stage.rows("SELECT * FROM alerts.wake") == []


async def test_health_being_away_is_said_and_leaves_nothing_behind(stage: Stage) -> None:
    client = InternalClient("http://127.0.0.1:9", "a token that only tests share", "alerts")
    judge = JudgePast(Health(client), Pasts(stage.database, stage.bus.producer()), stage.alerts.book)
    with pytest.raises(Busy):
        await judge.judge("demo", ImportedPast(days=30))
    await client.aclose()
    assert await stage.rows("SELECT * FROM alerts.wake") == []


def test_a_past_that_live_snapshots_have_overtaken_opens_nothing() -> None:
    world = World()
    past = past_of(world.book, days(SILENT, SILENT))
    assert past is not None
    world.signals |= dict(BACK)
    # Judged while the account was away, adopted after it came back.
    world.at("3d").wake(SUBJECT, past).expect_nothing()
    assert world.alerts() == []


def test_a_past_that_is_judged_again_after_its_alert_closed_revives_nothing() -> None:
    world = World()
    past = past_of(world.book, days(SILENT, SILENT))
    assert past is not None
    world.wake(SUBJECT, past)
    world.signals |= dict(BACK)
    world.at("3d").at("4d").at("5d").expect("opened risk.silence (batch)", "resolved risk.silence (batch)")
    world.wake(SUBJECT, past)
    world.at("6d", usage__missed_days=2.0, usage__silent_days=2.0).expect_nothing()


@pytest.mark.parametrize(("reason", "score"), [("rebuild", 60.0), ("model_change", 60.0), ("fact", None)])
def test_a_newer_snapshot_that_could_move_nothing_does_not_hold_up_a_past(reason: Any, score: float | None) -> None:
    world = World()
    past = past_of(world.book, days(SILENT, SILENT))
    assert past is not None
    world.at("3d", reason=reason, score=score).wake(SUBJECT, past).expect("opened risk.silence (batch)")


def test_an_account_that_came_back_today_has_a_past_that_is_over() -> None:
    world = World()
    silence = days(*[SILENT] * 5)
    back = [a_score(0, silence[-1].as_of + timedelta(hours=h), dict(BACK)) for h in (9, 100, 200)]
    past = past_of(world.book, [*silence, *back])
    assert past is not None
    assert past.conditions == []
