"""Every alert reaches whom it must, a known cause silences what follows from it, and a page makes the whole way."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any, Final

import pytest
import yaml

from tests.ops.prometheus import OBSERVABILITY, Alertmanager, alertmanager_telling, prometheus_over
from tests.ops.promtool import alerts, with_changed_rules
from tests.ops.tools import needed

CONFIGURATION: Final = OBSERVABILITY / "alertmanager" / "alertmanager.yml"
RECEIVERS: Final = {"page": "pager", "ticket": "tickets", "none": "dead-man"}
LABELS: Final = sorted(
    {
        (rule["alert"], rule["labels"]["severity"], rule["labels"].get("service", service))
        for rule in alerts()
        for service in ("health", "alerts")
    }
)
"""Every alert with its labels; where the service comes from the series, two of those that it may name."""


def amtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([needed("amtool"), *arguments], capture_output=True, text=True, check=False, timeout=30)


def test_amtool_finds_no_fault_in_the_configuration() -> None:
    done = amtool("check-config", CONFIGURATION)
    assert done.returncode == 0, done.stderr


def test_amtool_finds_a_receiver_that_is_nowhere(tmp_path: Path) -> None:
    planted = tmp_path / "alertmanager.yml"
    planted.write_text(CONFIGURATION.read_text().replace("receiver: pager", "receiver: nobody"))
    assert amtool("check-config", planted).returncode != 0


@pytest.mark.parametrize(("alert", "severity", "service"), LABELS)
def test_every_alert_reaches_its_receiver(alert: str, severity: str, service: str) -> None:
    labels = (f"alertname={alert}", f"severity={severity}", f"service={service}")
    done = amtool(
        "config", "routes", "test", f"--config.file={CONFIGURATION}",
        f"--verify.receivers={RECEIVERS[severity]}", *labels,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_route_that_leads_elsewhere_is_found(tmp_path: Path) -> None:
    planted = tmp_path / "alertmanager.yml"
    planted.write_text(CONFIGURATION.read_text().replace("severity = page", "severity = pages"))
    done = amtool(
        "config", "routes", "test", f"--config.file={planted}", "--verify.receivers=pager", "severity=page"
    )  # fmt: skip
    assert done.returncode != 0


def test_who_is_told_how_often() -> None:
    routes = yaml.safe_load(CONFIGURATION.read_text())["route"]
    told = {one["receiver"]: one.get("repeat_interval", routes["repeat_interval"]) for one in routes["routes"]}
    assert routes["group_by"] == ["alertname", "service"]
    assert told == {"pager": "2h", "tickets": "12h", "dead-man": "50s"}


def test_addresses_are_never_in_the_configuration() -> None:
    receivers = yaml.safe_load(CONFIGURATION.read_text())["receivers"]
    for receiver in receivers:
        assert {key for one in receiver["webhook_configs"] for key in one} <= {"url_file", "send_resolved"}


PAGE_HEALTH: Final = {"alertname": "KizashiFreshnessBurn", "severity": "page", "service": "health", "slo": "freshness"}
KAFKA: Final = {"alertname": "KizashiKafkaDown", "severity": "page", "service": "kafka"}
POSTGRES: Final = {"alertname": "KizashiPostgresDown", "severity": "page", "service": "postgres"}


@pytest.mark.story
@pytest.mark.parametrize(
    ("source", "target", "silenced"),
    [
        (PAGE_HEALTH, PAGE_HEALTH | {"severity": "ticket", "window": "1d"}, True),
        (PAGE_HEALTH, PAGE_HEALTH | {"severity": "ticket", "slo": "other"}, False),
        (PAGE_HEALTH, {"alertname": "KizashiDeadLetters", "severity": "ticket", "service": "health"}, False),
        (KAFKA, {"alertname": "KizashiConsumerStalled", "severity": "page", "service": "health"}, True),
        (KAFKA, {"alertname": "KizashiInputStuck", "severity": "page", "service": "alerts"}, True),
        (KAFKA, {"alertname": "KizashiProduceErrors", "severity": "ticket", "service": "ingest"}, True),
        (KAFKA, PAGE_HEALTH, True),
        (KAFKA, {"alertname": "KizashiIngestAvailabilityBurn", "severity": "page", "service": "ingest"}, False),
        (POSTGRES, {"alertname": "KizashiCompletenessStale", "severity": "page", "service": "health"}, True),
        (POSTGRES, {"alertname": "KizashiInvariantBroken", "severity": "page", "service": "health"}, False),
    ],
)  # fmt: skip
def test_a_cause_silences_what_follows_and_nothing_else(
    tmp_path: Path, source: dict[str, str], target: dict[str, str], silenced: bool
) -> None:
    with alertmanager_telling("http://127.0.0.1:9", tmp_path) as running:
        tell(running, source, target)
        state = "suppressed" if silenced else "active"
        found = until(lambda: [one for one in running.alerts(None) if one.labels == target and one.state == state])
        assert found
        assert [one.labels for one in running.alerts() if one.labels == source] == [source]


def tell(running: Alertmanager, *labels: dict[str, str]) -> None:
    body = json.dumps([{"labels": one} for one in labels]).encode()
    request = urllib.request.Request(
        f"{running.address}/api/v2/alerts", body, {"content-type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 200


def until(ask: Any, seconds: float = 30.0) -> Any:
    """Asks until there is an answer; returns the last one."""
    ends = monotonic() + seconds
    while not (found := ask()) and monotonic() < ends:
        sleep(0.05)
    return found


@dataclass
class Doors:
    """One HTTP server for both ends: what it shows as metrics, and what it was told."""

    shown: dict[str, float] = field(default_factory=dict)
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    port: int = 0

    def of(self, receiver: str, status: str) -> list[dict[str, Any]]:
        """The alerts of the messages to a receiver with this status."""
        return [
            alert
            for path, message in self.told
            if path == f"/hook/{receiver}"
            for alert in message["alerts"]
            if alert["status"] == status
        ]


@contextmanager
def doors() -> Iterator[Doors]:
    opened = Doors()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer("".join(f"{series} {value}\n" for series, value in opened.shown.items()).encode())

        def do_POST(self) -> None:
            opened.told.append((self.path, json.loads(self.rfile.read(int(self.headers["content-length"])))))
            self.answer(b"")

        def answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    opened.port = server.server_port
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield opened
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


STOPPED: Final = 'kizashi_consumer_partitions{service="health",topic="kizashi.events.v1",state="stopped"}'


@pytest.mark.story
def test_a_fault_pages_and_its_end_is_told(tmp_path: Path) -> None:
    # Without the waiting times, of which promtool knows; with everything else as it ships.
    rules = with_changed_rules(tmp_path, lambda rule: rule.pop("for", None)).parent / "rules"
    with doors() as ends, alertmanager_telling(f"http://127.0.0.1:{ends.port}/hook", tmp_path / "alertmanager") as am:
        services = ("ingest", "health", "alerts", "gateway")
        ends.shown |= {f'kizashi_build_info{{service="{one}"}}': 1.0 for one in services} | {STOPPED: 0.0}
        with prometheus_over(
            [ends.port],
            tmp_path / "run",
            rules=rules,
            alertmanager=am.address,
            every="1s",
            kizashi_url="https://k.example",
        ) as prometheus:
            assert until(lambda: ends.of("dead-man", "firing"))
            assert until(lambda: prometheus.query(STOPPED))
            ends.shown[STOPPED] = 2
            (page,) = until(lambda: ends.of("pager", "firing"))
            assert [one.name for one in prometheus.alerts()] == ["KizashiPartitionStopped"]
            ends.shown[STOPPED] = 0
            assert until(lambda: ends.of("pager", "resolved"))
            assert ends.of("tickets", "firing") == []
    assert page["labels"]["alertname"] == "KizashiPartitionStopped"
    assert page["labels"]["service"] == "health"
    said = page["annotations"]
    assert said["summary"] == "health stopped 2 partitions of kizashi.events.v1 until a person decides"
    assert said["runbook_url"] == "https://k.example/runbooks/KizashiPartitionStopped"
    assert said["dashboard_url"] == "http://127.0.0.1:3000/d/kizashi-health"
