"""The operations port tells where a process stands, from its first second to its last."""

from __future__ import annotations

import httpx2
import pytest
from prometheus_client.registry import REGISTRY

from kizashi_common.runtime.ops import Build, Ops
from kizashi_common.runtime.service import Routes, Service


class State:
    """What the service would answer."""

    ready: str | None = "keys are not loaded"
    serves: str | None = None
    alive: str | None = None


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
def ops() -> Ops:
    return Ops(["ingest"], Build("1.2.3", "abc"))


def service(state: State) -> Service:
    return Service(
        "ingest", Routes(), ready=lambda: state.ready, serves=lambda: state.serves, alive=lambda: state.alive
    )


async def ask(ops: Ops, path: str) -> tuple[int, dict[str, object]]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(ops.app()), base_url="http://ops") as client:
        answer = await client.get(path)
    return answer.status_code, answer.json() if path != "/metrics" else {"text": answer.text}


def gauge(name: str) -> float | None:
    return REGISTRY.get_sample_value(f"kizashi_{name}", {"service": "ingest"})


async def test_a_process_that_waits_says_for_what_and_lives(ops: Ops) -> None:
    assert ops.waits_for("the schema is at 0001, 0002 is needed")
    assert not ops.waits_for("the schema is at 0001, 0002 is needed"), "said once"
    ops.has_schema(suffices=False)
    assert await ask(ops, "/startupz") == (
        503,
        {"started": False, "waits_for": "the schema is at 0001, 0002 is needed"},
    )
    assert (await ask(ops, "/livez"))[0] == 200
    assert (await ask(ops, "/readyz"))[0] == 503
    assert (gauge("schema_ok"), gauge("ready")) == (0, 0)


async def test_until_it_has_started_it_says_what_is_missing(ops: Ops, state: State) -> None:
    ops.composed([service(state)])
    assert (await ask(ops, "/startupz"))[1]["waits_for"] == "ingest: keys are not loaded"
    assert (await ask(ops, "/readyz"))[1]["missing"] == {"ingest": "keys are not loaded"}


async def test_once_started_only_what_refuses_requests_makes_it_unready(ops: Ops, state: State) -> None:
    ops.composed([service(state)])
    ops.started = True
    assert (await ask(ops, "/startupz"))[0] == 200
    assert (await ask(ops, "/readyz"))[0] == 200, "a partition that stopped is no reason to send nobody here"
    state.serves = "Kafka acknowledges nothing"
    assert (await ask(ops, "/readyz")) == (
        503,
        {
            "ready": False,
            "draining": False,
            "refusing": {"ingest": "Kafka acknowledges nothing"},
            "missing": {"ingest": "keys are not loaded"},
        },
    )
    assert (await ask(ops, "/livez"))[0] == 200, "a dependency is no reason to restart"


async def test_ready_is_measured_at_each_scrape_and_nobody_has_to_ask_first(ops: Ops, state: State) -> None:
    ops.composed([service(state)])
    ops.started = True
    await ask(ops, "/metrics")
    assert gauge("ready") == 1
    state.serves = "Kafka acknowledges nothing"
    text = (await ask(ops, "/metrics"))[1]["text"]
    assert 'kizashi_ready{service="ingest"} 0.0' in str(text)


async def test_a_stopping_process_takes_no_requests(ops: Ops, state: State) -> None:
    ops.composed([service(state)])
    ops.started = ops.draining = True
    assert (await ask(ops, "/readyz"))[0] == 503


async def test_a_loop_that_stands_still_is_not_alive(ops: Ops, state: State) -> None:
    ops.composed([service(state)])
    state.alive = "the consumer has not polled since 09:00:00 UTC"
    assert await ask(ops, "/livez") == (
        503,
        {"live": False, "held_up": {"ingest": "the consumer has not polled since 09:00:00 UTC"}},
    )


async def test_it_says_which_build_runs_in_one_series(ops: Ops, state: State) -> None:
    ops.composed([service(state)])
    assert await ask(ops, "/buildz") == (200, {"version": "1.2.3", "commit": "abc", "services": ["ingest"]})
    lines = [
        line for line in str((await ask(ops, "/metrics"))[1]["text"]).splitlines() if "kizashi_build_info{" in line
    ]
    assert lines == ['kizashi_build_info{commit="abc",service="ingest",version="1.2.3"} 1.0']
