"""One event's way from its HTTP request to the webhook is one chain of spans, through the real services and the rows
of a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY
from prometheus_client.openmetrics.exposition import generate_latest

from kizashi_alerts.compose import compose as compose_alerts
from kizashi_common.contracts.topics import TOPICS
from kizashi_common.runtime.compose import chance, new_uuid
from kizashi_common.runtime.service import Resources, Service
from kizashi_common.telemetry.spans import Attribute
from kizashi_common.telemetry.tracing import parsed
from kizashi_health.compose import compose as compose_health
from kizashi_ingest.compose import compose as compose_ingest
from tests.alerts.receiver import Receiver, receiving
from tests.conftest import START, Databases
from tests.ingest.house import SERVER, House, furnish
from tests.twins.bus import MemoryBus
from tests.twins.clock import GoingClock

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ENVIRONMENT = {
    "KIZASHI_SERVICE_TOKEN": "a-token-only-for-tests",
    "KIZASHI_HEARTBEAT_SECONDS": "0.2",
    "KIZASHI_FLUSH_AT_LEAST_MS": "10",
    "KIZASHI_SCORES_PUBLISH_EVERY_MS": "0",
    "KIZASHI_CENSUS_EVERY_MS": "50",
    "KIZASHI_MASTER_KEYS": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "KIZASHI_EGRESS_ALLOW": "127.0.0.0/8",
}


class Line:
    """Ingest, health and alerts over one bus in memory."""

    def __init__(self, databases: Databases) -> None:
        self.clock = GoingClock(START)
        self.bus = MemoryBus({topic.name: topic.count(local=True) for topic in TOPICS}, self.clock)
        self.services = [
            compose(self._resources(getattr(databases, name), name))
            for name, compose in (("ingest", compose_ingest), ("health", compose_health), ("alerts", compose_alerts))
        ]
        self.house = House(self.services[0], self.bus, self.clock)
        self.alerts = self.services[2]

    def _resources(self, database: Any, name: str) -> Resources:
        known = {k: v for k, v in ENVIRONMENT.items() if name == "ingest" or "HEARTBEAT" not in k}
        return Resources(self.bus.producer(), self.bus.consumer, database, self.clock, chance, new_uuid, known)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        tasks = [asyncio.ensure_future(worker.run()) for service in self.services for worker in service.workers]
        try:
            async with asyncio.timeout(30):
                while not all(service.ready() is None for service in self.services):
                    await asyncio.sleep(0.02)
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def endpoint(self, url: str) -> None:
        """A webhook endpoint, made as the gateway has it made."""
        answer = await House(Service("alerts", _public(self.alerts)), self.bus, self.clock).request(
            "POST",
            "/internal/v1/webhook-endpoints",
            b'{"url": "%s"}' % url.encode(),
            [("authorization", "Bearer a-token-only-for-tests"), ("kizashi-workspace", "ws_demo")],
        )
        assert answer.status == 201, answer.body


def _public(service: Service) -> Any:
    return type(service.routes)(public=service.routes.internal)


def _days(clock: GoingClock, account: str) -> list[dict[str, Any]]:
    days = [(clock() - timedelta(days=day)).isoformat() for day in range(10, 27)]
    return [{"id": f"e{i}", "account": account, "user": "u", "action": "login", "at": at} for i, at in enumerate(days)]


async def test_from_the_request_to_the_webhook_is_one_chain(databases: Databases, rare: InMemorySpanExporter) -> None:
    await furnish(databases.ingest)
    line = Line(databases)
    async with receiving() as receiver, line.running():
        await line.endpoint(receiver.url)
        answer = await line.house.post(
            "/v1/events", {"events": _days(line.clock, "acme")}, headers=[("traceparent", f"00-{TRACE}-{CALLER}-01")]
        )
        assert answer.status in (200, 202), answer.body
        await _until(lambda: receiver.got and "deliver webhook" in {span.name for span in rare.get_finished_spans()})
    _is_one_chain(rare.get_finished_spans(), receiver)
    _leads_from_metrics_to_the_trace()


async def test_an_unrecorded_request_leaves_no_span_and_no_header(
    databases: Databases, rare: InMemorySpanExporter
) -> None:
    await furnish(databases.ingest)
    line = Line(databases)
    async with receiving() as receiver, line.running():
        await line.endpoint(receiver.url)
        await line.house.post("/v1/events", {"events": _days(line.clock, "acme")})
        await _until(lambda: receiver.got)
    assert not rare.get_finished_spans()
    headers = {name for topic in line.bus.counts for one in line.bus.records(topic) for name, _ in one.headers}
    assert "traceparent" not in headers
    context = parsed(receiver.got[0].headers["traceparent"])
    assert context is not None, "a receiver can still name it to us"
    assert not context.trace_flags.sampled


async def _until(true: Any) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.02)


def _is_one_chain(spans: Sequence[ReadableSpan], receiver: Receiver) -> None:
    by_name: dict[str, list[ReadableSpan]] = {}
    for span in spans:
        by_name.setdefault(span.name, []).append(span)
    server, sent = by_name["POST /v1/events"][0], by_name["send kizashi.events.v1"][0]
    assert _parent(server) == CALLER
    assert _parent(sent) == _id(server)
    counted = by_name["process kizashi.events.v1"]
    assert {f"{link.context.span_id:016x}" for span in counted for link in span.links} == {_id(sent)}
    scores = by_name["send kizashi.scores.v1"]
    assert {_parent(span) for span in scores} == {_id(sent)}
    judged = by_name["process kizashi.scores.v1"]
    linked = {f"{link.context.span_id:016x}" for span in judged for link in span.links}
    assert linked <= {_id(span) for span in scores}
    told = by_name["send kizashi.alerts.v1"] + by_name["deliver webhook"]
    assert {_parent(span) for span in told} <= linked
    assert receiver.got[0].headers["traceparent"] in {
        f"00-{TRACE}-{_id(span)}-01" for span in by_name["deliver webhook"]
    }
    in_trace = [server, sent, *scores, *told]
    assert {f"{span.context.trace_id:032x}" for span in in_trace} == {TRACE}
    services = {str(span.resource.attributes["service.name"]) for span in spans}
    assert services == {"kizashi-ingest", "kizashi-health", "kizashi-alerts"}
    _says_nothing(spans)


def _leads_from_metrics_to_the_trace() -> None:
    """Whoever sees a slow bucket on a dashboard finds the trace in it."""
    tagged = [line for line in generate_latest(REGISTRY).decode().splitlines() if f'trace_id="{TRACE}"' in line]
    assert {line.partition("_bucket")[0] for line in tagged} == {
        "kizashi_http_request_duration_seconds",
        "kizashi_health_event_to_score_seconds",
        "kizashi_alerts_score_to_delivered_seconds",
    }


def _says_nothing(spans: Sequence[ReadableSpan]) -> None:
    said = {name for span in spans for name in span.attributes or {}}
    assert said <= {str(attribute) for attribute in Attribute}
    told = "".join(span.to_json() for span in spans)
    for secret in ("acme", "ws_demo", SERVER, "127.0.0.1", "a-token"):
        assert secret not in told, secret
    assert not any(event for span in spans for event in span.events)


def _id(span: ReadableSpan) -> str:
    return f"{span.context.span_id:016x}"


def _parent(span: ReadableSpan) -> str | None:
    return f"{span.parent.span_id:016x}" if span.parent else None
