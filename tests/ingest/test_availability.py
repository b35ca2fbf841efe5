"""Which of ingest's answers count for its objective: judged in code, and counted at the door."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kizashi_common.db.database import Database
from kizashi_ingest.domain.availability import LIMIT_SECONDS, is_good
from tests.counted import Growth, judged, value
from tests.ingest.house import House, running
from tests.ingest.test_door import BATCH
from tests.twins.clock import SetClock

SLO = "ingest-availability"

codes = st.integers(200, 599)
seconds = st.floats(0, 60)


@given(st.sampled_from(["GET", "OPTIONS", "HEAD", "other"]), codes, seconds)
def test_only_posts_are_judged(method: str, code: int, took: float) -> None:
    assert is_good("/v1/batch", method, code, took) is None


@given(st.integers(400, 499), seconds)
def test_what_the_sender_did_wrong_is_not_judged_however_long_it_took(code: int, took: float) -> None:
    assert is_good("/v1/batch", "POST", code, took) is None


@given(st.integers(500, 599), seconds)
def test_a_failure_or_an_overload_of_ours_is_bad_however_fast(code: int, took: float) -> None:
    assert is_good("/v1/batch", "POST", code, took) is False


@given(st.integers(200, 399), seconds)
def test_a_success_is_good_within_a_second_and_bad_after(code: int, took: float) -> None:
    assert is_good("/v1/batch", "POST", code, took) is (took < LIMIT_SECONDS)


def test_the_quota_and_the_overload_differ() -> None:
    assert is_good("/v1/batch", "POST", 429, 0.01) is None
    assert is_good("/v1/batch", "POST", 503, 0.01) is False


async def test_the_door_counts_what_it_answers(house: House) -> None:
    good, bad = judged(SLO)
    assert (await house.post("/v1/batch", BATCH)).status == 200
    assert (good(), bad()) == (1, 0)
    assert (await house.post("/v1/batch", BATCH, key="nobody")).status == 401
    assert (await house.post("/v1/batch", b"nonsense")).status == 400
    assert (await house.post("/v1/nothing", BATCH)).status == 404
    assert (await house.request("OPTIONS", "/v1/batch")).status == 204
    assert (good(), bad()) == (1, 0), "none of these is judged"
    house.bus.broken = True
    assert (await house.post("/v1/batch", BATCH)).status == 503
    assert (good(), bad()) == (1, 1)


async def test_a_full_house_is_bad(furnished: Database, now: SetClock) -> None:
    good, bad = judged(SLO)
    async with running(furnished, now, KIZASHI_BODIES_IN_FLIGHT_BYTES="1048576") as house:
        assert (await house.post("/v1/batch", b" " * 1_100_000)).status == 503
    assert (good(), bad()) == (0, 1)


async def test_routes_are_those_of_the_dialects_and_nothing_else(house: House) -> None:
    batch = Growth("http_requests_total", service="ingest", route="/v1/batch", method="POST", code="200")
    nothing = Growth("http_requests_total", service="ingest", route="unmatched", method="POST", code="404")
    await house.post("//v1//batch/?a=b", BATCH)
    await house.post("/v1/accounts/sesame", BATCH)
    assert (batch(), nothing()) == (1, 1)
    assert value("http_requests_in_flight", service="ingest") == 0
