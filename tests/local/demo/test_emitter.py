"""Live use: who is chosen, how often, and that the real SDK says it in words that ingest understands."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from kizashi_local.demo.chance import Draws
from kizashi_local.demo.emitter import Audience, Emitter, Use, rate, segment_sdk, send
from kizashi_local.demo.stories import FEATURES
from kizashi_local.demo.vendor import customers
from tests.twins.clock import SetClock

DAY = date(2026, 11, 24)
MORNING = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SATURDAY = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)


def chosen(now: datetime, count: int = 2_000) -> list[Use]:
    audience = Audience(DAY, Draws("test"))
    return [use for _ in range(count) if (use := audience.next(now)) is not None]


@pytest.mark.parametrize("hour", range(24))
@pytest.mark.parametrize("day", range(7))
def test_two_to_five_events_a_second_come_at_any_hour(day: int, hour: int) -> None:
    now = datetime(2026, 11, 23, hour, tzinfo=UTC) + timedelta(days=day)
    assert 2.0 <= rate(now) <= 5.0
    assert rate(now) == 2.0 or day < 5


def test_pauses_follow_the_rate() -> None:
    audience = Audience(DAY, Draws("test"))
    pauses = [audience.pause_s(MORNING) for _ in range(1_000)]
    assert sum(pauses) / len(pauses) == pytest.approx(1.0 / rate(MORNING), rel=0.05)


def test_the_same_draws_choose_the_same_people() -> None:
    assert chosen(MORNING, 50) == chosen(MORNING, 50)


def test_only_those_come_whose_story_has_them_at_work() -> None:
    story = {customer.external_id: customer.story for customer in customers(DAY)}
    people = {customer.external_id: customer.people for customer in customers(DAY)}
    found = chosen(MORNING)
    assert {story[use.account] for use in found} == {"steady", "growing", "seat_pressed"}
    assert all(use.user in people[use.account] for use in found)
    assert all(use.feature is None or use.feature in FEATURES for use in found)
    assert len({use.account for use in found}) > 150


def test_at_the_weekend_only_a_few_come() -> None:
    assert 0 < len({use.account for use in chosen(SATURDAY)}) < 25


class Heard(BaseHTTPRequestHandler):
    """Answers like ingest and keeps what came."""

    batches: list[dict[str, Any]]
    keys: list[str | None]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.batches.append({"path": self.path, **json.loads(body)})
        self.keys.append(self.headers["authorization"])
        said = b'{"success":true,"accepted":1,"quarantined":0,"request_id":"r"}'
        self.send_response(200)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def ingest() -> Iterator[tuple[str, type[Heard]]]:
    handler = type("Fresh", (Heard,), {"batches": [], "keys": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    server.server_close()
    thread.join()


def messages(heard: type[Heard]) -> list[dict[str, Any]]:
    return [message for batch in heard.batches for message in batch["batch"]]


def test_the_real_sdk_names_account_user_and_feature(ingest: tuple[str, type[Heard]]) -> None:
    url, heard = ingest
    sdk = segment_sdk(url, "kzs_only_for_tests")
    send(sdk, Use("even-keel", "mika.sato@even-keel.example", "audit_log"))
    send(sdk, Use("even-keel", "mika.sato@even-keel.example", None))
    sdk.shutdown()
    used, signed_in = messages(heard)
    assert {batch["path"] for batch in heard.batches} == {"/v1/batch"}
    assert all(key is not None and key.startswith("Basic ") for key in heard.keys)
    assert used["context"]["groupId"] == signed_in["context"]["groupId"] == "even-keel"
    assert used["userId"] == "mika.sato@even-keel.example"
    assert (used["event"], used["properties"]) == ("Audit Log Used", {"feature": "audit_log"})
    assert signed_in["event"] == "Logged In"


async def test_it_sends_until_it_is_stopped_and_holds_nothing_back(ingest: tuple[str, type[Heard]]) -> None:
    url, heard = ingest
    stop = asyncio.Event()
    audience = Audience(DAY, Draws("test"))
    emitter = Emitter(segment_sdk(url, "kzs_only_for_tests"), audience, SetClock(MORNING))
    async with asyncio.TaskGroup() as group:
        group.create_task(emitter.run(stop))
        while not heard.batches:
            await asyncio.sleep(0.01)
        stop.set()
    assert messages(heard)
