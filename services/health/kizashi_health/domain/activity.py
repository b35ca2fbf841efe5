"""What an account did: active days, day rows, users, features. The same in any order, under any repetition of days.

Counts are integers and sets are bitmaps, so adding is commutative; what remembers an order (a user's `ord`, which 256
features a day keeps) follows first appearance in the log and nothing else.

Source: HEALTH.md 7.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from kizashi_common.contracts.events import Action
from kizashi_health.domain.calendar import Day

FEATURES_PER_DAY: Final = 256
SOURCES_PER_DAY: Final = 16
FEATURES_PER_ACCOUNT: Final = 5_000
USERS_PER_ACCOUNT: Final = 65_536
OTHER: Final = "~other"
"""Where a day counts the features and sources beyond its limit."""


class DaySet:
    """A set of days as one integer: bit 0 is the first day in it. Days may be added in any order.

    Equal sets are equal in memory and as bytes, however they came about.
    """

    __slots__ = ("_bits", "_first")

    def __init__(self, days: Iterable[Day] = ()) -> None:
        self._first = Day(0)
        self._bits = 0
        for day in days:
            self.add(day)

    def add(self, day: Day) -> bool:
        """Puts a day in; True when it was not there."""
        if not self._bits:
            self._first, self._bits = day, 1
            return True
        offset = day - self._first
        if offset < 0:
            self._bits = self._bits << -offset | 1
            self._first = day
            return True
        bit = 1 << offset
        if self._bits & bit:
            return False
        self._bits |= bit
        return True

    def __contains__(self, day: Day) -> bool:
        offset = day - self._first
        return offset >= 0 and bool(self._bits >> offset & 1)

    def __bool__(self) -> bool:
        return bool(self._bits)

    def __len__(self) -> int:
        return self._bits.bit_count()

    def __iter__(self) -> Iterator[Day]:
        return iter(self.days())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DaySet):
            return NotImplemented
        return self._bits == other._bits and (not self._bits or self._first == other._first)

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"DaySet(first={self._first}, count={len(self)})"

    @property
    def first(self) -> Day | None:
        """The first day; None when empty."""
        return self._first if self._bits else None

    @property
    def last(self) -> Day | None:
        """The last day; None when empty."""
        return Day(self._first + self._bits.bit_length() - 1) if self._bits else None

    def bits_before(self, as_of: Day) -> int:
        """The days before `as_of` as bits; bit 0 is `first`, so that a caller can walk them without a list."""
        offset = as_of - self._first
        if offset <= 0:
            return 0
        if offset >= self._bits.bit_length():
            return self._bits
        return self._bits & ((1 << offset) - 1)

    def days(self, before: Day | None = None) -> list[Day]:
        """The days in ascending order, only those before `before` if it is given."""
        bits = self._bits if before is None else self.bits_before(before)
        first = self._first
        return [Day(first + offset) for offset, bit in enumerate(reversed(f"{bits:b}")) if bit == "1"]

    def first_before(self, as_of: Day) -> Day | None:
        """The first day, if it lies before `as_of`."""
        return self._first if self._bits and self._first < as_of else None

    def last_before(self, as_of: Day) -> Day | None:
        """The latest day before `as_of`."""
        bits = self.bits_before(as_of)
        return Day(self._first + bits.bit_length() - 1) if bits else None

    def count(self, since: Day, before: Day) -> int:
        """How many days lie in [since, before)."""
        bits = self.bits_before(before)
        offset = since - self._first
        return (bits >> offset if offset > 0 else bits).bit_count()

    def union(self, other: DaySet) -> DaySet:
        """A new set with the days of both."""
        joined = DaySet()
        if not self._bits or not other._bits:
            one = self if self._bits else other
            joined._first, joined._bits = one._first, one._bits
            return joined
        joined._first = min(self._first, other._first)
        joined._bits = self._bits << (self._first - joined._first) | other._bits << (other._first - joined._first)
        return joined

    def to_bytes(self) -> bytes:
        """One bit per day, little-endian, bit 0 is `first`; empty when the set is."""
        return self._bits.to_bytes((self._bits.bit_length() + 7) // 8, "little")

    @classmethod
    def from_bytes(cls, first: Day | None, packed: bytes | None) -> DaySet:
        """The set whose bit 0 is `first`."""
        made = cls()
        bits = int.from_bytes(packed or b"", "little")
        if first is not None and bits:
            empty = (bits & -bits).bit_length() - 1
            made._first, made._bits = Day(first + empty), bits >> empty
        return made


class DayRow(msgspec.Struct, gc=False):
    """What an account did on one local day.

    Shape: `users` is a bitmap over the account's ords; `feats` maps a feature to [events, quantity]; `sources` maps a
    source to [events]. `events` counts everything applied; all else counts human use only, but for `sources`.
    """

    events: int = 0
    human: int = 0
    logins: int = 0
    anonymous: int = 0
    """Human events that name no user."""
    users: int = 0
    feats: dict[str, list[int]] = {}
    sources: dict[str, list[int]] = {}


class User(msgspec.Struct, gc=False):
    """A person in an account, numbered in order of first appearance."""

    ord: int
    user_id: str
    first_day: Day
    last_day: Day


class FeatureSpan(msgspec.Struct, gc=False):
    """The first and the last day on which an account used a feature; survives the retention of day rows."""

    first_day: Day
    last_day: Day


class Occurrence(NamedTuple):
    """One accepted event, as far as counting sees it. `human`: it is use by a person (HEALTH.md 7)."""

    day: Day
    action: Action
    human: bool
    source: str
    user_id: str | None = None
    feature: str | None = None
    quantity: int = 1


@dataclass(slots=True)
class Dirty:
    """What of an activity changed since it was last written. Shape: `users` maps ords to users."""

    account: bool = False
    """Active days, last login day or the number of users."""
    days: set[Day] = field(default_factory=set)
    users: dict[int, User] = field(default_factory=dict)
    features: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return self.account or bool(self.days or self.users or self.features)


class Activity:
    """All that an account did, and what of it waits to be written.

    `rows`, `users` and `features` may be loaded in part: whoever counts an event makes sure that its day row, its user
    and its feature are there if they exist.
    """

    __slots__ = ("days", "dirty", "features", "last_login_day", "next_user", "rows", "users")

    def __init__(self) -> None:
        self.days = DaySet()
        self.rows: dict[Day, DayRow] = {}
        self.users: dict[str, User] = {}
        self.features: dict[str, FeatureSpan] = {}
        self.next_user = 0
        self.last_login_day: Day | None = None
        self.dirty = Dirty()

    @property
    def is_saturated(self) -> bool:
        """More users came than are counted: numbers of users are lower bounds."""
        return self.next_user >= USERS_PER_ACCOUNT

    def count(self, event: Occurrence) -> bool:
        """Counts one accepted event and marks what became dirty; True when it made a new active day.

        Whether the event was counted before is not asked here: that is the work of dedupe.
        """
        row = self.rows.get(event.day)
        if row is None:
            row = self.rows[event.day] = DayRow()
        row.events += 1
        _kept(row.sources, event.source, SOURCES_PER_DAY, 1)[0] += 1
        self.dirty.days.add(event.day)
        return event.human and self._count_use(row, event)

    def take_dirty(self) -> Dirty:
        """What changed since the last call; from now on nothing is dirty."""
        taken, self.dirty = self.dirty, Dirty()
        return taken

    def forget_rows(self, before: Day) -> None:
        """Drops the day rows before a day from memory; they must have been written."""
        for day in [day for day in self.rows if day < before]:
            del self.rows[day]

    def _count_use(self, row: DayRow, event: Occurrence) -> bool:
        row.human += 1
        if event.action == "login":
            row.logins += 1
            if self.last_login_day is None or event.day > self.last_login_day:
                self.last_login_day = event.day
                self.dirty.account = True
        if event.user_id is None:
            row.anonymous += 1
        else:
            self._count_user(row, event.user_id, event.day)
        if event.feature is not None:
            self._count_feature(row, event.feature, event.day, event.quantity)
        if row.human > 1:
            return False
        is_new = self.days.add(event.day)
        self.dirty.account |= is_new
        return is_new

    def _count_user(self, row: DayRow, user_id: str, day: Day) -> None:
        user = self.users.get(user_id)
        if user is None:
            if self.is_saturated:
                return
            user = self.users[user_id] = User(self.next_user, user_id, day, day)
            self.next_user += 1
            self.dirty.account = True
            self.dirty.users[user.ord] = user
        elif not user.first_day <= day <= user.last_day:
            user.first_day = min(user.first_day, day)
            user.last_day = max(user.last_day, day)
            self.dirty.users[user.ord] = user
        row.users |= 1 << user.ord

    def _count_feature(self, row: DayRow, feature: str, day: Day, quantity: int) -> None:
        counts = _kept(row.feats, feature, FEATURES_PER_DAY, 2)
        counts[0] += 1
        counts[1] += quantity
        span = self.features.get(feature)
        if span is None:
            if len(self.features) >= FEATURES_PER_ACCOUNT:
                return
            self.features[feature] = FeatureSpan(day, day)
        elif span.first_day <= day <= span.last_day:
            return
        else:
            span.first_day = min(span.first_day, day)
            span.last_day = max(span.last_day, day)
        self.dirty.features.add(feature)


def _kept(counts: dict[str, list[int]], name: str, most: int, width: int) -> list[int]:
    """The counters of a name; those of `~other` when the day already keeps as many as it may."""
    found = counts.get(name)
    if found is None:
        key = name if len(counts) - (OTHER in counts) < most else OTHER
        found = counts.get(key)
        if found is None:
            found = counts[key] = [0] * width
    return found
