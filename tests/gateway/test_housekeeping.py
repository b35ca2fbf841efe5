"""What runs by time: forgetting ended ways in; and the series that exist from the start."""

from __future__ import annotations

from datetime import timedelta

from prometheus_client import REGISTRY

from kizashi_gateway.adapters.sign_in import SignIns
from tests.gateway.conftest import Gateway
from tests.gateway.seeding import NOW


async def test_ended_credentials_leave_the_directory_and_living_ones_stay(gateway: Gateway) -> None:
    database = gateway.resources.database
    await SignIns(database).add_link("demo", "an old link", gateway.founded.admin, NOW - timedelta(hours=1))
    await SignIns(database).forget_ended(gateway.clock())
    left = await gateway.seeds.run("SELECT kind FROM gateway.credential")
    assert [row["kind"] for row in left] == ["api_key"]


def test_the_gateway_has_a_worker_for_each_thing_that_runs_by_time(gateway: Gateway) -> None:
    assert [worker.name for worker in gateway.service.workers] == ["witness", "housekeeping", "clock"]


def test_every_series_of_a_closed_label_exists_from_the_start() -> None:
    def exists(name: str, **labels: str) -> bool:
        return REGISTRY.get_sample_value(f"kizashi_{name}", labels) is not None

    for reason in ("unknown", "expired", "revoked", "scope"):
        assert exists("gateway_auth_failures_total", reason=reason)
    for upstream in ("health", "alerts"):
        assert exists("gateway_upstream_seconds_count", upstream=upstream)
        for reason in ("timeout", "refused", "error"):
            assert exists("gateway_upstream_errors_total", upstream=upstream, reason=reason)
    assert exists("gateway_audit_write_failures_total")
    for outcome in ("good", "bad"):
        assert exists("sli_total", slo="gateway-reads", outcome=outcome)
