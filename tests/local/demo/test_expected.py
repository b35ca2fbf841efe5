"""The expectations hold by the pure domain alone, on every weekday: the demo's numbers were chosen by these tests."""

from __future__ import annotations

from datetime import date, timedelta
from statistics import median

import pytest

from kizashi_health.domain.explain import top_reasons
from kizashi_local.demo.vendor import holiday
from tests.local.demo.expected import EXPECTED
from tests.local.demo.reading import Reading

pytestmark = pytest.mark.slow

TUESDAY = date(2026, 11, 24)
WEEK = [TUESDAY + timedelta(days=number) for number in range(7)]
LEAP_DAY = date(2028, 2, 29)


@pytest.fixture(scope="module")
def reading() -> Reading:
    return Reading(TUESDAY)


@pytest.mark.parametrize("day", [*WEEK, LEAP_DAY], ids=lambda day: f"{day:%a %Y-%m-%d}")
def test_every_account_is_as_its_story_wants_it_on_any_weekday(day: date) -> None:
    reading = Reading(day)
    for customer in reading.customers:
        # Three boundaries: a rule that wants to see the same for a day has seen it.
        days = reading.evaluations(customer, 3)
        last, expected = days[-1], EXPECTED[customer.story]
        shown = (customer.name, customer.story, last.score.value, last.reasons)
        assert last.score.value is not None, shown
        assert expected.lowest <= last.score.value <= expected.highest, shown
        assert last.score.band in expected.bands, shown
        assert last.score.evidence == expected.evidence, shown
        assert last.signals["account.lifecycle"] == expected.lifecycle, shown
        assert not expected.reasons or top_reasons(last.reasons)[0].code in expected.reasons, shown
        assert reading.standing(days) == expected.alerts, shown


def test_thirty_judged_days_open_exactly_what_is_true_at_their_end(reading: Reading) -> None:
    for customer in reading.customers:
        days = reading.evaluations(customer, 30)
        assert reading.standing(days) == EXPECTED[customer.story].alerts, (customer.name, customer.story)


def test_the_past_of_steady_accounts_is_level(reading: Reading) -> None:
    steady = [customer for customer in reading.customers if customer.story == "steady"][:20]
    rows = [[row.score.value or 0.0 for row in reading.evaluations(customer, 90)] for customer in steady]
    usual = [median(day) for day in zip(*rows, strict=True)]
    assert max(usual) - min(usual) < 12.0
    assert min(usual) >= 70.0


def test_the_declared_holiday_is_nobodys_silence(reading: Reading) -> None:
    back = holiday(TUESDAY)[-1] + timedelta(days=1)
    for customer in reading.customers:
        if customer.story in ("steady", "growing", "seat_pressed"):
            days = reading.evaluations(customer, 10, before=back)
            assert not {"risk.silence", "risk.pulse_crossing"} & reading.standing(days), customer.name


def test_undeclared_it_would_have_been_an_alert_for_nearly_everybody() -> None:
    reading = Reading(TUESDAY, has_holiday=False)
    back = holiday(TUESDAY)[-1] + timedelta(days=1)
    steady = [customer for customer in reading.customers if customer.story == "steady"]
    silent = [one for one in steady if "risk.silence" in reading.standing(reading.evaluations(one, 10, before=back))]
    assert len(silent) > 0.7 * len(steady)


def test_a_large_customer_that_fades_before_its_renewal_is_critical(reading: Reading) -> None:
    (dusklight,) = (customer for customer in reading.customers if customer.external_id == "dusklight")
    last = reading.evaluations(dusklight, 1)[0]
    days_left, percentile = last.signals["renewal.days_left"], last.signals["revenue.percentile"]
    assert isinstance(days_left, float)
    assert isinstance(percentile, float)
    assert days_left <= 60
    assert percentile >= 0.8
