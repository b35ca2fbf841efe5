"""A stream whose counts are known beforehand: many accounts, days, users and features, near and far duplicates."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

from kizashi_common.contracts.events import Event
from tests.builders import NOON, an_event


class Count(NamedTuple):
    """What one day of one account must hold."""

    events: int
    users: int


class Truth:
    """Makes events, and remembers what must come of them however often each is sent."""

    def __init__(self, chance: random.Random, accounts: int = 40) -> None:
        self._chance = chance
        self._accounts = accounts
        self._sent: list[Event] = []
        self._events: Counter[tuple[str, date]] = Counter()
        self._users: defaultdict[tuple[str, date], set[str]] = defaultdict(set)
        self.copies = 0

    @property
    def distinct(self) -> int:
        """How many events there are, each counted once."""
        return len(self._sent)

    def events(self, count: int) -> Iterator[Event]:
        """So many sends: new events, and some in ten again, from just before or long ago."""
        for _ in range(count):
            self.copies += 1
            if self._sent and self._chance.random() < 0.1:
                yield self._chance.choice(self._sent if self._chance.random() < 0.5 else self._sent[-20:])
            else:
                yield self._another()

    def _another(self) -> Event:
        chance = self._chance
        account, user = f"account-{chance.randrange(self._accounts)}", f"u-{chance.randrange(6)}"
        at = NOON - timedelta(days=chance.choice((0, 0, 0, 1, 2, 5, 40, 300)), minutes=chance.randrange(600))
        event = an_event(f"e-{len(self._sent)}", account, at, user_id=user)
        self._sent.append(event)
        self._events[account, at.date()] += 1
        self._users[account, at.date()].add(user)
        return event

    def expected(self) -> dict[tuple[str, date], Count]:
        """By account and day."""
        return {key: Count(count, len(self._users[key])) for key, count in self._events.items()}


async def counted(connection: Any, unpack: Any) -> dict[tuple[str, date], Count]:
    """What health holds, by account and day; `unpack` turns the bytes of a day's users into a set of bits."""
    rows = await connection.fetch(
        "SELECT a.external_id, d.day, d.events, d.users FROM health.account_day d"
        " JOIN health.account a USING (slot, account_id)"
    )
    return {(r["external_id"], r["day"]): Count(r["events"], unpack(r["users"]).bit_count()) for r in rows}
