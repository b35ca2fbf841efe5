"""How each kind of customer uses the product: a customer and a day give the people at work and what they know of it.

| story | what happened |
|---|---|
| steady | the same people, every weekday, all year |
| growing | began within the year with a few people; more join every month, and find more of the product |
| seat_pressed | more people joined until, two months ago, there was one for every seat |
| fading | nine to twelve weeks ago use began to thin out: fewer days, fewer people, fewer features, in the end nobody |
| silent | used every weekday, then, on one day one and a half to six weeks ago, not any more |
| never_activated | bought three to five weeks ago; nobody has come in yet |
| left | fell silent like the silent ones, earlier in the year, and the contract has ended |

All of them rest at weekends, and nearly all of them in one whole week (`vendor.holiday`), which the vendor declares as
days off. What is to be seen of each in the product is written down in the demo's tests.

Source: OPERATIONS.md 1.6; issue 3, item 8.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date, timedelta
from typing import Final, NamedTuple

from kizashi_local.demo.chance import Draws
from kizashi_local.demo.names import Story
from kizashi_local.demo.vendor import Customer

FEATURES: Final = ("dashboard", "report", "export", "search", "comments", "automation", "audit_log", "api_token")

_KNOWN_FEATURES: Final = 6
_EAGERNESS: Final = (0.92, 0.8, 0.66, 0.5, 0.4, 0.34)
"""How likely each person comes on a working day, over and over down the list of people."""
_AT_WORK: Final = 0.985
_AT_WEEKENDS: Final = 0.05
_ON_HOLIDAY: Final = 0.03
_WEEKDAYS: Final = 5
_FADING_DAYS: Final = (4, 4, 3, 3, 2, 1, 1, 0)
"""Days of use in each week since the turn; the last one stands for all that follow."""
_LOST_A_WEEK: Final = 0.12
_FULL_FOR: Final = timedelta(days=60)
_FILLING_FOR: Final = timedelta(days=240)


class Pace(NamedTuple):
    """What a customer's use is like on a weekday.

    Units: `at_work` the chance that anybody comes, 0 to 1; `joined` people; `features` how many they know.
    """

    at_work: float
    joined: int
    features: int


_QUIET: Final = Pace(0.0, 0, 0)


def pace_on(customer: Customer, day: date) -> Pace:
    """What the customer's story makes of a weekday."""
    return _QUIET if day < customer.since else _PACES[customer.story](customer, day)


def at_work(customer: Customer, day: date, off: Collection[date]) -> list[str]:
    """Who of the customer's people uses the product on a day; `off` are days on which nearly everybody is off."""
    pace = pace_on(customer, day)
    if not pace.joined:
        return []
    draws = Draws("day", customer.external_id, day.toordinal())
    if draws.unit() >= pace.at_work * _presence(day, off):
        return []
    crowd = customer.people[: pace.joined]
    if day.weekday() >= _WEEKDAYS or day in off:
        return [draws.one_of(crowd)]
    found = [person for place, person in enumerate(crowd) if draws.unit() < _EAGERNESS[place % len(_EAGERNESS)]]
    return found or [crowd[0]]


def _presence(day: date, off: Collection[date]) -> float:
    if day in off:
        return _ON_HOLIDAY
    return 1.0 if day.weekday() < _WEEKDAYS else _AT_WEEKENDS


def _steady(customer: Customer, _: date) -> Pace:
    return Pace(_AT_WORK, len(customer.people), _KNOWN_FEATURES)


def _growing(customer: Customer, day: date) -> Pace:
    return _reached(customer, 0.25, (day - customer.since) / (customer.turned - customer.since))


def _seat_pressed(customer: Customer, day: date) -> Pace:
    began = customer.turned - _FULL_FOR - _FILLING_FOR
    return _reached(customer, 0.5, (day - began) / _FILLING_FOR)


def _reached(customer: Customer, first: float, passed: float) -> Pace:
    """From a first share of the people to all of them, and of what they know likewise."""
    share = first + (1.0 - first) * min(max(passed, 0.0), 1.0)
    return Pace(_AT_WORK, max(1, round(len(customer.people) * share)), max(2, round(_KNOWN_FEATURES * share)))


def _fading(customer: Customer, day: date) -> Pace:
    if day < customer.turned:
        return _steady(customer, day)
    week = (day - customer.turned).days // 7
    days = _FADING_DAYS[min(week, len(_FADING_DAYS) - 1)]
    if day.weekday() not in Draws("week", customer.external_id, week).shuffled(range(_WEEKDAYS))[:days]:
        return _QUIET
    left = max(1, round(len(customer.people) * (1.0 - _LOST_A_WEEK * (week + 1))))
    return Pace(1.0, left, max(1, _KNOWN_FEATURES - week))


def _silent(customer: Customer, day: date) -> Pace:
    return _steady(customer, day) if day < customer.turned else _QUIET


def _never_activated(_: Customer, __: date) -> Pace:
    return _QUIET


_PACES: Final[Mapping[Story, Callable[[Customer, date], Pace]]] = {
    "steady": _steady,
    "growing": _growing,
    "seat_pressed": _seat_pressed,
    "fading": _fading,
    "silent": _silent,
    "left": _silent,
    "never_activated": _never_activated,
}
