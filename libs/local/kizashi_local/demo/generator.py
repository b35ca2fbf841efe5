"""A year of events of all customers, oldest first, as ingest's native dialect takes them.

An event's id is made of its day, its customer and its number on that day: importing twice changes nothing.

Source: INGEST.md 3.2 and 15; OPERATIONS.md 1.6.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta
from operator import itemgetter
from typing import Any, Final

from kizashi_local.demo.chance import Draws
from kizashi_local.demo.stories import FEATURES, at_work, pace_on
from kizashi_local.demo.vendor import Customer, customers, holiday, past

Event = dict[str, Any]

_HALF_DAY_SECONDS: Final = 4 * 3_600
_SIGNS_IN: Final = 0.6
_MOST_EVENTS: Final = 2

_Placed = tuple[int, str, Event]
"""Second of the day, id, event: what a day is sorted by, so that it comes out the same on every machine."""


def events(day: date) -> Iterator[Event]:
    """All events of the past of a demo that is made on `day`, sorted by time; about 400,000."""
    crowd, off = customers(day), frozenset(holiday(day))
    first, end = past(day)
    for number in range((end - first).days):
        yield from events_of_day(crowd, first + timedelta(days=number), off)


def events_of_day(crowd: Sequence[Customer], day: date, off: Collection[date]) -> Iterator[Event]:
    """One day's events of these customers, sorted by time."""
    found: list[_Placed] = []
    for customer in crowd:
        if people := at_work(customer, day, off):
            found += _of_customer(customer, day, people)
    found.sort(key=itemgetter(0, 1))
    return (event for _, _, event in found)


def _of_customer(customer: Customer, day: date, people: Sequence[str]) -> list[_Placed]:
    draws = Draws("events", customer.external_id, day.toordinal())
    known = FEATURES[: pace_on(customer, day).features]
    stem = f"{day:%Y%m%d}-{customer.external_id}-"
    found: list[_Placed] = []
    for person in people:
        second = customer.morning * 3_600 + draws.below(_HALF_DAY_SECONDS)
        signs_in = draws.unit() < _SIGNS_IN
        for number in range(draws.between(1, _MOST_EVENTS)):
            name = f"{stem}{len(found)}"
            feature = None if signs_in and number == 0 else draws.one_of(known)
            found.append((second, name, _event(name, customer, person, (day, second), feature)))
            second += 60 + draws.below(_HALF_DAY_SECONDS)
    return found


def _event(name: str, customer: Customer, person: str, at: tuple[date, int], feature: str | None) -> Event:
    minutes, seconds = divmod(at[1], 60)
    event: Event = {
        "id": name,
        "account": customer.external_id,
        "user": person,
        "action": "login" if feature is None else "feature_used",
        "at": f"{at[0].isoformat()}T{minutes // 60:02}:{minutes % 60:02}:{seconds:02}Z",
        "historical": True,
    }
    if feature is not None:
        event["feature"] = feature
    return event
