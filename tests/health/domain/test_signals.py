"""Every signal in its three values: something, zero, unknown."""

from __future__ import annotations

import keyword
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from kizashi_health.domain import signals as registry
from kizashi_health.domain.account import Account
from kizashi_health.domain.activity import Occurrence
from kizashi_health.domain.calendar import Clock, Day
from kizashi_health.domain.score import DayScore
from kizashi_health.domain.signal import Context, View
from kizashi_health.domain.signals import CATALOGUE, SIGNALS, compute
from kizashi_health.domain.signals.seats import days_to_full, slope_of
from tests.health.domain.making import (
    NOW,
    a_context,
    a_moment,
    a_workspace,
    an_account,
    by_users,
    day,
    first_calibration,
    instant,
    weekdays,
)

Case = Callable[[], tuple[Account, Context]]
CEL_WORDS = {"in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop"} | {
    "package", "namespace", "return", "var", "void", "while", "true", "false", "null"}  # fmt: skip


def _history(score: float, band: str, since: int, until: int = NOW) -> list[DayScore]:
    return [DayScore(day(number), score, "default@1", band) for number in range(since, until)]  # type: ignore[arg-type]


def busy() -> tuple[Account, Context]:
    """Nine of ten seats in use every weekday; pays 1,200 a year; renews in 30 days."""
    facts = [
        ("seats", 10, 100),
        ("arr", "1200", 1),
        ("renewal_date", instant(NOW + 30).date().isoformat(), 1),
    ]
    account = an_account(by_users(weekdays(0, NOW - 1), 9), facts, action="login")
    workspace = a_workspace(revenues=(100.0, 1200.0, 5000.0, 9000.0))
    return account, a_context(account, workspace=workspace, history=_history(90.0, "good", NOW - 60))


def stopped() -> tuple[Account, Context]:
    """As busy, until everybody left five weeks ago."""
    facts = [("seats", 10, 100), ("arr", 0, 1), ("renewal_date", instant(NOW).date().isoformat(), 1)]
    account = an_account(by_users(weekdays(0, NOW - 35), 9), facts, action="login")
    return account, a_context(account, workspace=a_workspace(revenues=(5.0,)))


def fresh() -> tuple[Account, Context]:
    """Used today for the first time, and read as of tomorrow."""
    account = an_account([(NOW - 1, "ann")], [("seats", 0, 1)], named=NOW - 1, action="login")
    return account, a_context(account)


def growing() -> tuple[Account, Context]:
    """One more user every week, full at 20 in about six weeks."""
    used = [(number, f"user-{user}") for number in range(NOW) for user in range(max(1, (number - 300) // 7))]
    account = an_account(used, [("seats", 20, 1)])
    return account, a_context(account)


def full() -> tuple[Account, Context]:
    account = an_account(by_users(range(NOW), 5), [("seats", 5, 1)])
    return account, a_context(account)


def unheard() -> tuple[Account, Context]:
    """Named this very day, in a workspace that never sent an event."""
    account = an_account(named=NOW)
    return account, a_context(account, a_moment(observed_from=None))


def paused() -> tuple[Account, Context]:
    account = an_account(by_users(range(NOW), 1), [("status", "paused", 10)])
    return account, a_context(account)


def long_silent() -> tuple[Account, Context]:
    account = an_account(by_users(weekdays(0, 200), 9))
    return account, a_context(account)


def as_it_was() -> tuple[Account, Context]:
    """The score is the one of 28 days ago and of every day since."""
    account, context = busy()
    value = context.score.value
    assert value is not None
    history = _history(value, "good", NOW - 60)
    return account, a_context(account, workspace=context.workspace, history=history)


NEVER_ZERO = None
"""A signal that has no zero: a text, a date, or a number that cannot reach it."""

# signal: (a case with a value, that value), (a case where it is zero, or NEVER_ZERO)
CASES: dict[str, tuple[tuple[Case, object], Case | None]] = {
    "usage.silent_days": ((stopped, 35.0), fresh),
    "usage.missed_days": ((stopped, pytest.approx(15.8, abs=0.1)), NEVER_ZERO),
    "usage.last_active_day": ((busy, instant(NOW - 4).date().isoformat()), NEVER_ZERO),
    "usage.login_age_days": ((busy, 3.0), fresh),
    "usage.active_days_7": ((busy, 4.0), stopped),
    "usage.active_days_28": ((busy, 19.0), stopped),
    "usage.active_days_90": ((busy, 63.0), long_silent),
    "usage.logins_28": ((busy, 171.0), stopped),
    "usage.events_28": ((busy, 171.0), stopped),
    "usage.ratio_own": ((busy, 0.95), stopped),
    "usage.z_own": ((busy, pytest.approx(-0.362284, abs=1e-6)), full),
    "users.active_1": ((full, 5.0), busy),
    "users.active_7": ((busy, 9.0), stopped),
    "users.active_28": ((busy, 9.0), stopped),
    "users.peak_90": ((stopped, 9.0), long_silent),
    "seats.bought": ((busy, 10.0), fresh),
    "seats.used_ratio": ((busy, 0.9), stopped),
    "seats.below_half_days": ((stopped, 8.0), busy),
    "seats.above_90_days": ((busy, 85.0), stopped),
    "seats.days_to_full": ((growing, pytest.approx(42.0, abs=1e-9)), full),
    "seats.suggested": ((growing, 7.0), NEVER_ZERO),
    "pulse.probability": ((stopped, pytest.approx(0.13, abs=0.05)), NEVER_ZERO),
    "pulse.low": ((stopped, pytest.approx(0.11, abs=0.05)), NEVER_ZERO),
    "pulse.high": ((stopped, pytest.approx(0.16, abs=0.05)), NEVER_ZERO),
    "pulse.health": ((busy, pytest.approx(96.0, abs=2.0)), NEVER_ZERO),
    "pulse.raw": ((busy, pytest.approx(106.0, abs=4.0)), NEVER_ZERO),
    "pulse.base": ((busy, pytest.approx(0.03)), NEVER_ZERO),
    "pulse.cut": ((busy, pytest.approx(0.06)), NEVER_ZERO),
    "pulse.pace": ((full, pytest.approx(28.1, abs=1.0)), NEVER_ZERO),
    "pulse.recent_ratio": ((full, pytest.approx(1.0, abs=0.05)), NEVER_ZERO),
    "score.value": ((busy, pytest.approx(96.0, abs=2.0)), NEVER_ZERO),
    "score.computed": ((busy, pytest.approx(96.0, abs=2.0)), NEVER_ZERO),
    "score.coverage": ((busy, 0.5), NEVER_ZERO),
    "score.band": ((busy, "good"), NEVER_ZERO),
    "score.evidence": ((fresh, "low"), NEVER_ZERO),
    "score.change_28": ((busy, pytest.approx(6.0, abs=2.0)), as_it_was),
    "score.vs_median_28": ((busy, pytest.approx(6.0, abs=2.0)), as_it_was),
    "score.days_in_band": ((busy, 60.0), stopped),
    "account.lifecycle": ((paused, "paused"), NEVER_ZERO),
    "account.age_days": ((busy, 400.0), NEVER_ZERO),
    "account.lapsed": ((long_silent, True), busy),
    "revenue.arr": ((busy, 1200.0), stopped),
    "revenue.mrr": ((busy, 100.0), stopped),
    "revenue.percentile": ((busy, 0.5), stopped),
    "renewal.days_left": ((busy, 30.0), stopped),
    "renewal.date": ((busy, instant(NOW + 30).date().isoformat()), NEVER_ZERO),
}

NEVER_UNKNOWN = {"account.lifecycle", "pulse.base", "pulse.cut"}


def test_every_signal_has_its_cases_and_every_file_is_registered() -> None:
    assert set(CASES) == set(CATALOGUE)
    files = {path.stem for path in Path(registry.__file__).parent.glob("*.py")} - {"__init__"}
    assert files == {signal.function.__module__.rpartition(".")[2] for signal in SIGNALS}


@pytest.mark.parametrize("name", CASES)
def test_a_signal_has_its_value(name) -> None:
    (case, expected), _ = CASES[name]
    assert compute(*case())[name] == expected


@pytest.mark.parametrize("name", [name for name, (_, zero) in CASES.items() if zero is not NEVER_ZERO])
def test_zero_is_a_value(name) -> None:
    _, case = CASES[name]
    assert case is not None
    value = compute(*case())[name]
    assert value == 0
    assert value is False or isinstance(value, float)


def test_what_is_not_known_is_absent_and_never_zero() -> None:
    assert set(compute(*unheard())) == NEVER_UNKNOWN


@pytest.mark.parametrize("case", [busy, stopped, fresh, growing, full, unheard, paused])
def test_values_are_of_the_declared_type(case) -> None:
    types = {"num": float, "bool": bool, "text": str, "date": str, "list": list}
    for name, value in compute(*case()).items():
        assert type(value) is types[CATALOGUE[name].type], name


def test_names_are_flat_typed_and_no_name_is_a_prefix_of_another() -> None:
    names = sorted(signal.name for signal in SIGNALS)
    assert len(names) == len(set(names))
    assert not any(longer.startswith(f"{shorter}.") for shorter, longer in pairwise(names))
    for name in names:
        family, _, rest = name.partition(".")
        assert rest
        assert not {family, *rest.split(".")} & (CEL_WORDS | set(keyword.kwlist))


def test_every_signal_says_what_it_means() -> None:
    assert all(signal.meaning.endswith(".") and 0 < signal.needs_coverage <= 1 for signal in SIGNALS)


def test_use_is_unknown_before_the_workspace_sent_an_event() -> None:
    account, _ = busy()
    found = compute(account, a_context(account, a_moment(observed_from=NOW)))
    assert not [name for name in found if name.startswith(("usage.", "users."))]
    assert found["seats.bought"] == 10.0


def test_silence_counts_operating_days_only() -> None:
    account = an_account(by_users(range(NOW - 1), 1))
    off = Clock([day(NOW - 1)])
    assert compute(account, a_context(account, workspace=a_workspace(clock=off)))["usage.silent_days"] == pytest.approx(
        0.05
    )


def test_an_account_that_was_never_active_is_silent_from_its_start() -> None:
    account = an_account(named=NOW - 20)
    found = compute(account, a_context(account))
    assert found["usage.silent_days"] == 20.0
    assert found["usage.missed_days"] > 0.0  # type: ignore[operator]
    assert "usage.last_active_day" not in found
    assert "usage.login_age_days" not in found


def test_e13_no_percent_of_a_handful() -> None:
    def used(windows: list[int]) -> Account:
        numbers = [NOW - 28 * (place + 1) + number for place, count in enumerate(windows) for number in range(count)]
        return an_account([(0, "ann"), *((number, "ann") for number in numbers)])

    account = used([8, 20, 19, 21])
    found = compute(account, a_context(account))
    assert (found["usage.ratio_own"], found["usage.z_own"]) == pytest.approx((0.4, -4.347413), abs=5e-7)
    little = used([2, 4, 4, 3])
    assert "usage.ratio_own" not in compute(little, a_context(little))


def test_a_ratio_needs_two_whole_windows_since_the_start() -> None:
    young = an_account(by_users(range(NOW - 83, NOW), 1))
    assert "usage.ratio_own" not in compute(young, a_context(young))
    old = an_account(by_users(range(NOW - 84, NOW), 1))
    assert compute(old, a_context(old))["usage.ratio_own"] == 1.0


def test_users_are_unknown_while_most_events_name_nobody() -> None:
    half = an_account([(NOW - 3, "ann"), (NOW - 3, None)])
    assert compute(half, a_context(half))["users.active_28"] == 1.0
    few = an_account([(NOW - 3, "ann"), (NOW - 3, None), (NOW - 4, None)], [("seats", 5, 1)])
    found = compute(few, a_context(few))
    assert "users.active_28" not in found
    assert "seats.used_ratio" not in found


def test_distinct_users_of_every_window_equal_the_plain_union() -> None:
    used = [
        (number, f"user-{(number * 7 + user * 3) % 40}")
        for number in range(NOW - 150, NOW)
        for user in range(number % 4)
    ]
    account = an_account(used)
    windows = View(account, a_context(account)).users
    for back in range(85):
        end = NOW - back
        assert windows.active_28(back) == len({user for number, user in used if end - 28 <= number < end})


def test_e10_seats_fill_in_62_days() -> None:
    weekly = [70.0, 71.0, 73.0, 74.0, 76.0, 79.0, 80.0, 82.0, 84.0]
    assert days_to_full(84.0, slope_of(weekly), 100.0) == pytest.approx(62.222, abs=5e-4)
    assert days_to_full(84.0, 0.0, 100.0) is None
    assert days_to_full(100.0, 0.0, 100.0) == 0.0


def test_a_projection_needs_eight_weeks() -> None:
    account = an_account(by_users(range(NOW - 55, NOW), 3), [("seats", 5, 1)])
    found = compute(account, a_context(account))
    assert not {"seats.days_to_full", "seats.suggested", "users.peak_90"} & set(found)


def test_full_seats_without_a_rise_suggest_one_more() -> None:
    assert compute(*full())["seats.suggested"] == 1.0


def test_days_in_a_row_are_broken_by_the_seats_of_those_days() -> None:
    account = an_account(by_users(range(NOW), 9), [("seats", 20, 1), ("seats", 10, NOW - 12)])
    found = compute(account, a_context(account))
    assert (found["seats.used_ratio"], found["seats.above_90_days"]) == (0.9, 12.0)
    alone = an_account(by_users(range(NOW), 9), [("seats", 10, NOW - 12)])
    assert compute(alone, a_context(alone))["seats.above_90_days"] == 12.0


def test_days_in_a_row_never_reach_before_the_start() -> None:
    account = an_account([(NOW - 10, "ann")], [("seats", 50, 1)])
    assert compute(account, a_context(account))["seats.below_half_days"] == 10.0


@pytest.mark.parametrize(
    ("age", "status", "expected"),
    [
        (13, None, "onboarding"),
        (14, None, "live"),
        (14, "churned", "churned"),
        (5, "internal", "internal"),
        (14, "vip", "live"),
    ],
)
def test_a_lifecycle_is_what_a_fact_says_or_what_the_age_does(age, status, expected) -> None:
    facts = [("status", status, 1)] if status else []
    account = an_account(by_users(range(NOW - age, NOW), 1), facts)
    assert compute(account, a_context(account))["account.lifecycle"] == expected


def test_lapsed_is_silent_for_more_than_two_horizons() -> None:
    for silent, expected in ((60, False), (61, True)):
        account = an_account([(NOW - silent, "ann")])
        assert compute(account, a_context(account))["account.lapsed"] is expected


def test_score_history_counts_only_under_the_same_model_and_with_enough_rows() -> None:
    account, _ = busy()
    other = [DayScore(day(number), 10.0, "default@2", "risk") for number in range(NOW - 40, NOW)]
    found = compute(account, a_context(account, history=other))
    assert not {"score.change_28", "score.vs_median_28"} & set(found)
    thirteen = _history(90.0, "good", NOW - 13)
    assert "score.vs_median_28" not in compute(account, a_context(account, history=thirteen))
    fourteen = _history(90.0, "good", NOW - 14)
    assert "score.vs_median_28" in compute(account, a_context(account, history=fourteen))


def test_the_days_in_band_end_at_a_day_without_a_row() -> None:
    account, _ = busy()
    rows = [row for row in _history(90.0, "good", NOW - 40) if row.day != day(NOW - 6)]
    assert compute(account, a_context(account, history=rows))["score.days_in_band"] == 5.0


def test_a_login_after_the_day_that_is_read_is_not_the_last_one() -> None:
    account = an_account([(NOW - 9, "ann"), (NOW + 3, "ann")], action="login")
    assert compute(account, a_context(account))["usage.login_age_days"] == 8.0
    account.activity.count(Occurrence(Day(day(NOW - 5)), "login", True, "web"))
    assert compute(account, a_context(account))["usage.login_age_days"] == 4.0


def test_a_calibration_lends_its_base_even_without_a_pulse() -> None:
    found = compute(*unheard())
    assert (found["pulse.base"], found["pulse.cut"]) == (
        first_calibration().base_rate,
        2 * first_calibration().base_rate,
    )
