"""Accounts, workspaces and calibrations for tests, with defaults nobody needs to read.

Days are small numbers after a Monday, as in the worked examples of SCORING.md 11.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from kizashi_common.contracts.events import Action
from kizashi_health.domain.account import Account, Moment
from kizashi_health.domain.activity import Activity, DaySet, Occurrence
from kizashi_health.domain.calendar import Clock, Day, midnight
from kizashi_health.domain.calibration import calibrate
from kizashi_health.domain.evaluation import pulse_of
from kizashi_health.domain.fact import Facts, Stated
from kizashi_health.domain.facts import understood
from kizashi_health.domain.pulse import Calibration, Profile, PulseSettings
from kizashi_health.domain.score import DayScore, replayed, score, score_of
from kizashi_health.domain.signal import Context, Workspace

MONDAY = Day(737_997)
UTC_ZONE = ZoneInfo("UTC")
NOW = 400
"""The day as of which most tests read."""


def day(number: int) -> Day:
    """The day that many days after a Monday."""
    return Day(MONDAY + number)


def days(numbers: Iterable[int]) -> DaySet:
    return DaySet(day(number) for number in numbers)


def weekdays(first: int, end: int) -> list[int]:
    return [number for number in range(first, end) if number % 7 < 5]


def instant(number: int, hours: float = 0.0) -> datetime:
    """So many hours into a day, in UTC."""
    return midnight(day(number), UTC_ZONE) + timedelta(hours=hours)


def first_calibration(profile: Profile = "lapse", horizon: float = 30.0) -> Calibration:
    """What a workspace without any account gets: pace .25, the stated loss of 3 % in 30 days."""
    return calibrate([], [], MONDAY, PulseSettings(horizon, profile), 0.03, Clock())


def a_workspace(profile: Profile = "lapse", **changes: Any) -> Workspace:
    known: dict[str, Any] = {
        "zone": UTC_ZONE,
        "clock": Clock(),
        "settings": PulseSettings(profile=profile),
        "calibration": first_calibration(profile),
    }
    return Workspace(**known | changes)


def a_moment(number: int = NOW, observed_from: int | None = 0) -> Moment:
    """The start of a day; the workspace sends events since day 0."""
    return Moment(day(number), instant(number), None if observed_from is None else day(observed_from))


def an_account(
    used: Iterable[tuple[int, str | None]] = (),
    facts: Sequence[tuple[str, Any, int]] = (),
    named: int = 0,
    action: Action = "feature_used",
) -> Account:
    """An account with one event per (day, user) and facts as (name, raw value, day from whose start it was true)."""
    account = Account("acme", day(named), Activity(), Facts())
    for number, user in used:
        account.activity.count(Occurrence(day(number), action, True, "web", user, "export"))
    for place, (name, raw, number) in enumerate(facts):
        kept, value = understood(name, raw)
        account.facts.state(kept, Stated(instant(number), f"fact-{place}", value))
    return account


def by_users(numbers: Iterable[int], users: int) -> list[tuple[int, str | None]]:
    """So many users on each of these days."""
    return [(number, f"user-{user}") for number in numbers for user in range(users)]


def a_context(
    account: Account,
    moment: Moment | None = None,
    workspace: Workspace | None = None,
    history: Sequence[DayScore] = (),
) -> Context:
    """The account's context, its pulse and score computed like the product does."""
    at = moment or a_moment()
    around = workspace or a_workspace()
    found = pulse_of(account, around, at)
    band = replayed(history, at.as_of).at_boundary(score_of(found)).band
    return Context(around, at, account.start(at), found, score(found, band), history)


def utc(*parts: int) -> datetime:
    """An aware instant."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


EXAMPLES: dict[str, tuple[list[int], int]] = {
    "Asahi": (weekdays(0, 180), 0),
    "Bessho": ([*weekdays(0, 140), 140, 147, 154, 161, 168, 175], 0),
    "Chiba": (weekdays(0, 140), 0),
    "Date": (list(range(6, 180, 14)), 6),
    "Endo": ([172, 173, 176, 177, 179], 172),
    "Fuji": ([140], 140),
    "Goto": ([], 160),
}
"""The accounts of SCORING.md 11, E1: active days and start, read as of day 180."""
