"""Nothing that is secret or personal is ever logged: markers in every place that can hold such, all roads walked, the
ways of failing too, and then every log of the product read for every marker.

Source: OPERATIONS.md 8; ARCHITECTURE.md 8.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
import pytest_asyncio
import structlog
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from kizashi_common.telemetry.logging import configure, get_logger
from tests.alerts.receiver import Receiver, Says, receiving
from tests.stories.harness import Kizashi, eventually, get, kizashi_up
from tests.stories.markers import Markers

pytestmark = pytest.mark.story

PAUSE_S = 6.0
MUST_HAVE_FAILED = ("relay_waits", "heartbeat_failed", "slot_waits", "delivery_waits")
"""Some of these are said when PostgreSQL stands still and when its connections are cut: else no failure was seen."""


@dataclass
class Planted:
    """A product in which everything was planted, walked and broken, and which has ended; with all that it logged."""

    markers: Markers
    texts: dict[str, str]
    data: Path


@pytest_asyncio.fixture(scope="module")
async def planted() -> AsyncIterator[Planted]:
    folder = Path(tempfile.mkdtemp(prefix="kizashi-markers-"))
    folder.chmod(0o711)
    markers = Markers()
    environment = {"KIZASHI_SCORES_PUBLISH_EVERY_MS": "500", "KIZASHI_HEARTBEAT_SECONDS": "2"}
    everything = {"OTEL_TRACES_SAMPLER_ARG": "1", "OTEL_BSP_SCHEDULE_DELAY": "200"}
    try:
        async with receiving() as collector:
            traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}", **everything}
            async with kizashi_up(folder / "data", environment=environment | traced) as product:
                await _walk(product, markers)
                await product.stop()
                texts = await _logged(product, folder)
        yield Planted(markers, texts | {"spans": _spans(collector)}, folder / "data")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _logged(product: Kizashi, folder: Path) -> dict[str, str]:
    """Everything that was said: the rest of standard output behind the ready line, standard error, the log folder."""
    assert product.process.stdout is not None
    files = [product.log, *(path for path in (folder / "data" / "log").rglob("*") if path.is_file())]
    texts = {str(path.relative_to(folder)): path.read_text(errors="replace") for path in files}
    return texts | {"stdout": (await product.process.stdout.read()).decode(errors="replace")}


def _spans(collector: Receiver) -> str:
    """Every span of the product as text."""
    return "\n".join(str(ExportTraceServiceRequest.FromString(got.body)) for got in collector.got)


async def _walk(product: Kizashi, markers: Markers) -> None:
    for name in ("admin_key", "server_key"):
        markers.known(name, product.ready[name])
    markers.known("sign_in_link", str(product.ready["sign_in"]).rpartition("/")[2])
    for file in (Path(product.ready["data"]) / "secrets").iterdir():
        markers.known(f"secrets/{file.name}", file.read_text().strip())
    async with (
        receiving(
            *(Says(500, body=markers("receiver_500").encode()) for _ in range(3)),
            Says(302, (("location", f"http://127.0.0.1/{markers('receiver_redirect')}"),)),
        ) as receiver,
        product.client() as api,
        product.sender() as sender,
    ):
        await _endpoints(api, receiver, markers)
        await _events(sender, markers)
        await _refused(product, sender, markers)
        await _people(product, api, markers)
        await eventually(_count(receiver), lambda count: count >= 1)
        await _pause(product, sender, markers)
        await _cut(product)
        await _events(sender, markers, again="after ")
        await eventually(_count(receiver), lambda count: count >= 2)


def _count(receiver: Receiver) -> Any:
    async def count() -> int:
        return len(receiver.got)

    return count


async def _endpoints(api: httpx2.AsyncClient, receiver: Receiver, markers: Markers) -> None:
    """Webhooks to a place with a secret in its address, one that nobody listens at, and some that are refused."""
    for name, url in (
        ("hook", f"{receiver.url}/{markers('hook_path')}?token={markers('hook_query')}"),
        ("dead", f"http://127.0.0.1:9/{markers('dead_hook')}"),
        ("with password", f"http://me:{markers('hook_password')}@127.0.0.1/"),
        ("abroad", f"https://{markers('hook_host')}.example.com/"),
        ("nonsense", f"not an address {markers('hook_nonsense')}"),
    ):
        answer = await api.post("/v1/webhook-endpoints", json={"url": url, "description": markers(f"about_{name}")})
        if "secret" in answer.json():
            markers.known(f"secret_{name}", answer.json()["secret"])


async def _events(sender: httpx2.AsyncClient, markers: Markers, again: str = "") -> None:
    """Days of use that make a silence, every field of them a person or a secret."""

    def m(name: str) -> str:
        return markers(f"event_{again}{name}")

    account, now = m("account"), datetime.now(UTC)
    context = {
        "groupId": account,
        "ip": "192.0.2.7",
        "userAgent": m("user_agent"),
        "page": {"url": f"https://x.example/{m('page')}"},
        "traits": {"email": f"{m('context_email')}@example.com"},
    }
    batch: list[dict[str, Any]] = [
        {
            "type": "track",
            "event": "Signed In",
            "userId": m(f"user{day}"),
            "messageId": m(f"message{day}"),
            "timestamp": (now - timedelta(days=day)).isoformat(),
            "properties": {"note": m(f"property{day}")},
            "context": context,
        }
        for day in range(10, 27)
    ]
    batch.append(
        {
            "type": "identify",
            "userId": m("user"),
            "messageId": m("id"),
            "traits": {"email": f"{m('email')}@example.com", "name": m("person"), "password": m("password")},
            "context": context,
        }
    )
    batch.append(
        {
            "type": "group",
            "userId": m("user_"),
            "groupId": account,
            "messageId": m("group"),
            "traits": {"name": m("account_name"), "arr": 4800, "currency": "EUR"},
        }
    )
    answer = await sender.post("/v1/batch", json={"batch": batch, "context": {"app": m("app")}})
    assert answer.status_code == 200, answer.text


async def _refused(product: Kizashi, sender: httpx2.AsyncClient, markers: Markers) -> None:
    """What ingest refuses or sets aside."""
    for body in (
        f'{{"batch": [{{"type": "track", "userId": "{markers("truncated")}"',
        f'{{"events": "{markers("no_list")}"}}',
        json.dumps({"events": [{"id": markers("no_identity"), "action": "login"}, markers("no_event")]}),
        json.dumps({"events": [{"id": "x", "account": "a" * 300 + markers("long"), "action": markers("action")}]}),
        json.dumps({"events": [{"id": "x", "account": "a", "user": "u", "action": "login", "at": markers("at")}]}),
        json.dumps({"events": [{"id": "x", "account": markers("nul") + "\x00", "user": "u", "action": "login"}]}),
    ):
        await sender.post("/v1/events", content=body, headers={"content-type": "application/json"})
        await sender.post("/v1/batch", content=body, headers={"content-type": "application/json"})
    async with httpx2.AsyncClient(base_url=product.ingest, timeout=30) as stranger:
        at = (datetime.now(UTC)).isoformat()
        event = {"id": "x", "account": "a", "user": "u", "action": "login", "at": at}
        for name, key in (
            ("mistyped", product.ready["server_key"][:-2] + "zz"),
            ("unknown", f"kzs_{markers('unknown_key')}"),
            ("wrong kind", product.ready["admin_key"]),
        ):
            markers.known(f"key_{name}", key)
            for header in (f"Bearer {key}", key, f"Basic {key}"):
                await stranger.post("/v1/events", json=event, headers={"authorization": header})
            await stranger.post(f"/v1/events?writeKey={key}", json={**event, "writeKey": key})
        await stranger.post(
            "/v1/events",
            json=event,
            headers={
                "cookie": f"s={markers('cookie')}",
                "user-agent": markers("agent"),
                "origin": f"https://{markers('origin')}.example",
                "traceparent": markers("traceparent"),
                "x-forwarded-for": markers("forwarded"),
                "x-retry-count": markers("retry"),
            },
        )
        await stranger.get(f"/{markers('path')}/{markers('path_more')}?q={markers('query')}")


async def _people(product: Kizashi, api: httpx2.AsyncClient, markers: Markers) -> None:
    """The API and the console, rightly and wrongly used."""
    account = markers.planted["event_account"]
    await eventually(lambda: get(api, f"/v1/accounts/ext:{account}"), bool)
    found = await eventually(lambda: get(api, "/v1/alerts"), lambda a: a and a["results"])
    path = f"/v1/alerts/{found['results'][0]['id']}"
    tag = (await api.get(path)).headers["etag"]
    taken = await api.post(f"{path}/acknowledge", json={"note": markers("note")}, headers={"if-match": tag})
    closed = {"feedback": "wrong", "note": markers("note_closed")}
    await api.post(f"{path}/resolve", json=closed, headers={"if-match": tag})
    await api.post(f"{path}/resolve", json=closed, headers={"if-match": taken.headers.get("etag", "*")})
    made = await api.post("/v1/api-keys", json={"name": markers("key_name"), "scopes": ["accounts:read"]})
    if "key" in made.json():
        markers.known("second_key", made.json()["key"])
    await api.get(f"/v1/accounts/ext:{markers('account_path')}/score", params={"as_of": markers("as_of")})
    await api.get("/v1/accounts", params={"cursor": markers("cursor"), "q": markers("search")})
    await api.post("/v1/webhook-endpoints", content=f'{{"url": "{markers("bad_json")}')
    await api.get("/v1/me", headers={"authorization": f"Bearer kza_{markers('wrong_key')}"})
    await api.put(
        "/v1/workspace-settings", json={"zone": markers("zone")}, headers={"idempotency-key": markers("idempotency")}
    )
    await _console(product, markers)


async def _console(product: Kizashi, markers: Markers) -> None:
    async with httpx2.AsyncClient(base_url=product.gateway, timeout=30, follow_redirects=True) as browser:
        browser.headers["origin"] = product.gateway
        await browser.post("/sign-in", data={"key": f"kza_{markers('form_key')}", "next": f"/{markers('next')}"})
        await browser.post(f"/sign-in/{markers('wrong_link')}")
        await browser.post(str(product.ready["sign_in"]))
        for cookie in browser.cookies.jar:
            if cookie.value and len(cookie.value) > 16:
                markers.known(f"session_{cookie.name}", cookie.value)
        assert any(name.startswith("session_") for name in markers.planted), "nobody was signed in"
        await browser.get("/", params={"q": markers("console_search")})
        await browser.get(f"/a/{markers('console_path')}")
        await browser.get("/", headers={"cookie": f"kizashi_session={markers('forged_session')}"})


async def _pause(product: Kizashi, sender: httpx2.AsyncClient, markers: Markers) -> None:
    """PostgreSQL stands still while people and machines go on."""
    # Its first line is the server's process, which leads a session of its own with all that it forks.
    group = int((Path(product.ready["data"]) / "pg" / "postmaster.pid").read_text().split()[0])
    os.killpg(group, signal.SIGSTOP)
    try:
        async with product.client(f"kza_{markers('key_meanwhile')}") as stranger, product.client() as api:
            asked = [
                _patiently(stranger.get("/v1/me")),
                _patiently(api.get(f"/v1/accounts/ext:{markers('account_meanwhile')}")),
                _patiently(api.post("/v1/api-keys", json={"name": markers("name_meanwhile"), "scopes": []})),
                _patiently(
                    sender.post(
                        "/v1/events",
                        json={
                            "id": "m",
                            "account": markers("a_meanwhile"),
                            "user": markers("u_meanwhile"),
                            "action": "login",
                        },
                    )
                ),
            ]
            await asyncio.gather(*asked)
    finally:
        os.killpg(group, signal.SIGCONT)
    async with product.client() as api:
        await eventually(lambda: get(api, "/v1/me"), bool)


async def _patiently(request: Any) -> None:
    try:
        async with asyncio.timeout(PAUSE_S):
            await request
    except TimeoutError:
        return


async def _cut(product: Kizashi) -> None:
    """Every connection to PostgreSQL is cut at once, a few times, while there is work."""
    folder = Path(product.ready["data"])
    port, password = (
        json.loads((folder / "ports.json").read_text())["postgres"],
        (folder / "secrets" / "postgres").read_text(),
    )
    for _ in range(3):
        connection = await asyncpg.connect(
            host="127.0.0.1", port=port, user="kizashi", password=password.strip(), database="postgres"
        )
        await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        await connection.close()
        await asyncio.sleep(0.5)


def test_no_marker_is_in_any_log(planted: Planted) -> None:
    assert len(planted.markers.planted) > 100
    leaks = planted.markers.leaks(planted.texts)
    assert leaks == [], "\n".join(f"{leak.marker} in {leak.place}: {leak.line}" for leak in leaks)


def test_the_logs_are_json_and_tell_of_the_failures_that_were_forced(planted: Planted) -> None:
    lines = [json.loads(line) for line in planted.texts["data/log/kizashi.log"].splitlines()]
    said = {line["event"] for line in lines}
    assert said.intersection(MUST_HAVE_FAILED), said
    assert "undeclared_event" not in said
    assert all({"ts", "level", "event", "service", "version", "instance"} <= line.keys() for line in lines)
    dropped = {(line["event"], name) for line in lines for name, value in line.items() if value == "dropped"}
    assert {name for _, name in dropped} <= {"template"}, dropped


def test_spans_of_every_kind_were_read_too(planted: Planted) -> None:
    for name in ("GET /v1/accounts/{id}", "send kizashi.events.v1", "process kizashi.scores.v1", "deliver webhook"):
        assert f'name: "{name}"' in planted.texts["spans"], name


def test_a_planted_leak_is_found_by_the_same_search(planted: Planted) -> None:
    """What a careless call would log, in a field that may hold words: no filter can know that it is a name."""
    leaked = planted.data / "log" / "leak.log"
    with leaked.open("w", encoding="utf-8") as stream:
        configure(text=False, stream=stream)
        get_logger("ingest").info("source_created", source=planted.markers.planted["event_account_name"])
        structlog.reset_defaults()
    found = planted.markers.leaks({"leak.log": leaked.read_text()})
    assert {leak.marker for leak in found} == {"event_account_name"}
