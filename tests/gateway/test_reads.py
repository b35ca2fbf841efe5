"""Which of the gateway's answers count for its objective: judged in code, and counted at the door."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kizashi_gateway.domain.reads import LIMIT_SECONDS, is_good
from tests.counted import Growth, judged
from tests.gateway.conftest import Gateway
from tests.gateway.seeding import Card

SLO = "gateway-reads"

routes = st.sampled_from(["/", "/accounts/{id}", "/v1/accounts", "/v1/accounts/{id}/score"])
codes = st.integers(200, 599)
seconds = st.floats(0, 60)


@given(routes, st.sampled_from(["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "other"]), codes, seconds)
def test_only_gets_are_judged(route: str, method: str, code: int, took: float) -> None:
    assert is_good(route, method, code, took) is None


@given(st.sampled_from(["unmatched", "/static/console-1.css", "/runbooks/{name}", "/v1/openapi.json"]), codes, seconds)
def test_what_reads_nothing_is_not_judged(route: str, code: int, took: float) -> None:
    assert is_good(route, "GET", code, took) is None


@given(routes, st.integers(500, 599), seconds)
def test_a_failure_of_ours_is_bad_however_fast(route: str, code: int, took: float) -> None:
    assert is_good(route, "GET", code, took) is False


@given(routes, st.integers(200, 499), seconds)
def test_any_other_answer_is_judged_by_its_time_pages_and_refusals_too(route: str, code: int, took: float) -> None:
    assert is_good(route, "GET", code, took) is (took < LIMIT_SECONDS)


async def test_the_door_counts_what_it_answers(gateway: Gateway) -> None:
    await gateway.seeds.cards(Card("acme"))
    shown = Card("acme").shown
    resource = Growth("http_requests_total", service="gateway", route="/v1/accounts/{id}", method="GET", code="200")
    page = Growth("http_requests_total", service="gateway", route="/", method="GET", code="303")
    units = [Growth("sli_total", slo=SLO, outcome=outcome) for outcome in ("good", "bad")]
    async with gateway.admin as admin:
        assert (await admin.get(f"/v1/accounts/{shown}")).status_code == 200
    async with gateway.client() as stranger:
        assert (await stranger.get("/")).status_code == 303
    assert (resource(), page()) == (1, 1)
    assert sum(unit() for unit in units) == 2


async def test_the_door_leaves_out_what_is_not_judged(gateway: Gateway) -> None:
    good, bad = judged(SLO)
    async with gateway.admin as admin:
        assert (await admin.get("/v1/openapi.json")).status_code == 200
        assert (await admin.get("/v1/nothing")).status_code == 404
        assert (await admin.post("/v1/api-keys", json={"name": "n", "scopes": ["accounts:read"]})).status_code == 201
    assert (good(), bad()) == (0, 0)


async def test_an_owner_that_fails_makes_the_read_a_bad_one(gateway: Gateway) -> None:
    await gateway.seeds.cards(Card("acme"))
    good, bad = judged(SLO)
    lost = Growth("gateway_upstream_errors_total", upstream="health", reason="error")
    gateway.owners.status = 500
    async with gateway.admin as admin:
        assert (await admin.get(f"/v1/accounts/{Card('acme').shown}/score")).status_code == 503
    assert (good(), bad(), lost()) == (0, 1, 1)
