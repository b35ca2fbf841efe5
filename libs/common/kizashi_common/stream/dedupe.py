"""Message ids, per day: new, or seen before. Many at once, the same verdict after a restart and in a replay.

An id is 128 bits of a keyed hash over (workspace, source, account, event id): keyed, because a plain hash would let
one workspace craft ids that erase another's events. Days are the envelope's `dedupe_day`, which every copy of an event
shares. Hot days (the last four of the log) stay in memory; older ones are loaded when first asked for and leave least
recently used first. The wall clock plays no part, so a replay decides alike.

Source: HEALTH.md 6; decision record 0027.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Final

ID_BYTES: Final = 16
HELD_BYTES: Final = 130
"""About what one id takes in memory."""
HOT_DAYS: Final = 4
_NEAR: Final = 2
_UNIT: Final = b"\x1f"


def event_identity(secret: bytes, workspace: str, source: str, account: str, event_id: str) -> bytes:
    """The 128-bit identity of an event; the parts are joined so that no two quadruples become one."""
    joined = "\x00".join((workspace, source, account)).encode()
    return blake2b(
        b"%d%b%b%b" % (len(joined), _UNIT, joined, event_id.encode()), key=secret, digest_size=ID_BYTES
    ).digest()


class SeenIds:
    """The ids of one partition, by day. Days are ordinals."""

    def __init__(self, cache_ids: int = 4_000_000) -> None:
        self._days: OrderedDict[int, set[bytes]] = OrderedDict()
        self._new: dict[int, list[bytes]] = {}
        self._newest = 0
        self._cache_ids = cache_ids
        self._count = 0

    @property
    def newest(self) -> int:
        """The latest day of the log so far (D), 0 before the first record."""
        return self._newest

    def advance(self, day: int) -> None:
        """The log has reached this day."""
        self._newest = max(self._newest, day)

    def missing(self, event_days: Iterable[int], log_days: Iterable[int]) -> set[int]:
        """Which days must be loaded to judge events of these days, while the log moves through those."""
        tops = {day for day in (self._newest, *log_days) if day}
        wanted = {day for top in tops for day in _hot(top)}
        wanted.update(near for day in event_days for near in _near(day, max(tops, default=0)))
        return wanted - self._days.keys()

    def load(self, stored: Mapping[int, Iterable[bytes]], days: Iterable[int]) -> None:
        """Takes the stored ids of days that were missing; a day without stored ids is known to be empty."""
        for day in days:
            if day not in self._days:
                ids = set(stored.get(day, ()))
                self._days[day] = ids
                self._count += len(ids)

    def is_new(self, day: int, identity: bytes) -> bool:
        """Whether no copy was counted; if so, it is now. Every day that `missing` named must be loaded."""
        days, near = self._days, _near(day, self._newest)
        for looked_up in near:
            days.move_to_end(looked_up)
        for looked_up in (*_hot(self._newest), *near):
            if identity in days[looked_up]:
                return False
        days[day].add(identity)
        self._new.setdefault(day, []).append(identity)
        self._count += 1
        return True

    def drain(self) -> dict[int, bytes]:
        """The ids that became known since the last drain, by day, joined."""
        new = {day: b"".join(ids) for day, ids in self._new.items()}
        self._new.clear()
        return new

    def evict(self) -> None:
        """Forgets cold days, least recently used first, while too many ids are held. Never what is not yet drained."""
        hot = set(_hot(self._newest))
        for day in list(self._days):
            if self._count <= self._cache_ids:
                return
            if day not in hot and day not in self._new:
                self._count -= len(self._days.pop(day))

    @property
    def hot(self) -> int:
        """How many of those in memory every id is compared with."""
        return sum(len(self._days.get(day, ())) for day in _hot(self._newest))

    @property
    def held(self) -> int:
        """How many ids are in memory, of `HELD_BYTES` each."""
        return self._count


def _hot(newest: int) -> range:
    """The days that every id is compared with. One beyond: a client's day may be ahead of the broker's."""
    return range(newest - HOT_DAYS + 1, newest + 2)


def _near(day: int, newest: int) -> tuple[int, ...]:
    """The days in which a copy of an event of this day may lie; a hot day's neighbours are looked up anyway."""
    return (day,) if day >= newest - _NEAR else (day - 1, day, day + 1)


def split(ids: bytes) -> list[bytes]:
    """The single ids of a stored chunk."""
    return [ids[i : i + ID_BYTES] for i in range(0, len(ids), ID_BYTES)]
