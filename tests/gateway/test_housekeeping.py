"""What runs by time: the completeness witness, and forgetting ended ways in."""

from __future__ import annotations

from datetime import timedelta

from prometheus_client import REGISTRY

from kizashi_gateway.adapters.sign_in import SignIns
from kizashi_gateway.metrics import COMPLETENESS_AGE
from kizashi_gateway.queries.accounts import Accounts
from kizashi_gateway.workers import Housekeeping
from tests.gateway.conftest import Gateway
from tests.gateway.seeding import NOW


async def test_the_witness_tells_the_age_of_the_proved_time_without_health(gateway: Gateway) -> None:
    await gateway.seeds.progress(NOW - timedelta(seconds=90))
    database = gateway.resources.database
    await Housekeeping(Accounts(database), SignIns(database), gateway.clock).look()
    assert COMPLETENESS_AGE._value.get() == 90


async def test_ended_credentials_leave_the_directory_and_living_ones_stay(gateway: Gateway) -> None:
    database = gateway.resources.database
    await SignIns(database).add_link("demo", "an old link", gateway.founded.admin, NOW - timedelta(hours=1))
    await Housekeeping(Accounts(database), SignIns(database), gateway.clock).look()
    left = await gateway.seeds.run("SELECT kind FROM gateway.credential")
    assert [row["kind"] for row in left] == ["api_key"]


def test_every_series_of_a_closed_label_exists_from_the_start() -> None:
    names = {
        (sample.name, *sorted(sample.labels.items()))
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if metric.name.startswith("kizashi_gateway")
    }
    for reason in ("unknown", "expired", "revoked", "scope"):
        assert ("kizashi_gateway_auth_failures_total", ("reason", reason)) in names
    for upstream in ("health", "alerts"):
        assert (
            "kizashi_gateway_upstream_errors_total",
            ("reason", "timeout"),
            ("upstream", upstream),
        ) in names
