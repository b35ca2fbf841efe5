"""Who the demo's two hundred accounts are: a made-up vendor's customers, as its CRM would know them.

Everything follows from the day on which the demo is made, so that the stories are always a few weeks old.

Source: OPERATIONS.md 1.6.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple

from kizashi_local.demo.chance import Draws
from kizashi_local.demo.names import PLANTED, Named, Story, companies, people

Size = Literal["small", "medium", "large"]
Tier = Literal["standard", "premium"]

CURRENCY: Final = "EUR"
OWNERS: Final = ("aiko.mori@example.com", "jonas.weber@example.com", "priya.nair@example.com")
PAST_DAYS: Final = 364
"""How far back the events go: fifty-two whole weeks."""
CHURNED_AFTER_DAYS: Final = 48
"""How long after its last use the contract of a customer who left ended."""

COUNTS: Final[Mapping[Story, int]] = {
    "growing": 28,
    "steady": 127,
    "fading": 6,
    "silent": 5,
    "never_activated": 8,
    "seat_pressed": 12,
    "left": 14,
}


class _Turn(NamedTuple):
    """When the stories of one kind took their turn: the first so many days ago, each other one `step` earlier."""

    days: int
    step: int


# One customer goes silent every eight days, as far back as calibration looks: in a workspace that lost nobody until
# last month, the few who go now would lift the scores of all the others.
_TURNS: Final[Mapping[Story, _Turn]] = {
    "fading": _Turn(60, 4),
    "silent": _Turn(12, 8),
    "never_activated": _Turn(20, 2),
    "left": _Turn(52, 8),
}
_SIZES: Final[tuple[Size, ...]] = ("large", "small", "medium", "small", "small", "medium", "small", "small")
_PEOPLE: Final[Mapping[Size, tuple[int, int]]] = {"small": (3, 6), "medium": (8, 15), "large": (24, 40)}
_PREMIUM: Final[Mapping[Size, float]] = {"small": 0.2, "medium": 0.4, "large": 0.7}
_PRICE: Final[Mapping[Tier, int]] = {"standard": 240, "premium": 420}
_USUAL_FILL: Final = 0.62
_AGE_DAYS: Final = (PAST_DAYS, 1_400)
_AGE_OF_GROWING_DAYS: Final = (240, 340)
_RENEWAL_DAYS: Final = (60, 360)
_RENEWAL_OF_FADING_DAYS: Final = (25, 55)
_HOLIDAY_WEEKS_AGO: Final = 5


@dataclass(frozen=True, slots=True)
class Customer:
    """An account of the vendor.

    `people` are all who will ever use it, the eager ones first. `turned` is the day on which its story took its turn:
    use began to fade, fell silent, or could have begun and did not. `ended` is the day on which its contract ended.
    Units: `arr` EUR a year; `morning` the UTC hour at which its working day begins.
    """

    external_id: str
    name: str
    story: Story
    size: Size
    tier: Tier
    owner: str
    people: tuple[str, ...]
    seats: int
    arr: int
    renewal: date
    since: date
    turned: date
    ended: date | None
    morning: int


def customers(day: date) -> tuple[Customer, ...]:
    """The vendor's customers when the demo is made on `day`: of each story the planted ones first."""
    return tuple(
        _customer(story, number, named, day) for (story, number), named in zip(_stories(), _names(), strict=True)
    )


def past(day: date) -> tuple[date, date]:
    """The first day that has events, and the day after the last one."""
    return day - timedelta(days=PAST_DAYS), day


def holiday(day: date) -> tuple[date, ...]:
    """The week in which nearly everybody was off, Monday to Sunday."""
    monday = day - timedelta(days=day.weekday() + 7 * _HOLIDAY_WEEKS_AGO)
    return tuple(monday + timedelta(days=number) for number in range(7))


def _stories() -> Iterator[tuple[Story, int]]:
    for story, count in COUNTS.items():
        yield from ((story, number) for number in range(count))


def _names() -> Iterator[Named]:
    others = companies()
    for story, count in COUNTS.items():
        planted = PLANTED[story]
        yield from planted
        yield from (next(others) for _ in range(count - len(planted)))


def _customer(story: Story, number: int, named: Named, day: date) -> Customer:
    draws = Draws("customer", named.external_id)
    size = _size(story, number)
    tier: Tier = "premium" if draws.unit() < _PREMIUM[size] else "standard"
    crowd = people(named.external_id, draws.between(*_PEOPLE[size]))
    seats = len(crowd) if story == "seat_pressed" else math.ceil(len(crowd) / _USUAL_FILL)
    turn = _TURNS.get(story, _Turn(0, 0))
    turned = day - timedelta(days=turn.days + turn.step * number)
    return Customer(
        external_id=named.external_id,
        name=named.name,
        story=story,
        size=size,
        tier=tier,
        owner=OWNERS[number % len(OWNERS)],
        people=crowd,
        seats=seats,
        arr=seats * _PRICE[tier],
        renewal=day + timedelta(days=draws.between(*(_RENEWAL_OF_FADING_DAYS if story == "fading" else _RENEWAL_DAYS))),
        since=_since(story, day, turned, draws),
        turned=turned,
        ended=turned + timedelta(days=CHURNED_AFTER_DAYS) if story == "left" else None,
        morning=8 if named.name.isascii() else 0,
    )


def _size(story: Story, number: int) -> Size:
    size = _SIZES[number % len(_SIZES)]
    # Of five people one who is ill is a fifth: only from some size on do seats run out visibly.
    return "medium" if story == "seat_pressed" and size == "small" else size


def _since(story: Story, day: date, turned: date, draws: Draws) -> date:
    if story == "never_activated":
        return turned
    return day - timedelta(days=draws.between(*(_AGE_OF_GROWING_DAYS if story == "growing" else _AGE_DAYS)))
