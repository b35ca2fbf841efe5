"""Numbers that look like chance and follow from a name: the same name, the same numbers, on every machine.

A day of an account draws from its own name, so that one day can be looked at without making the days before it.

Source: OPERATIONS.md 1.6, "deterministic seed".
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, TypeVar

T = TypeVar("T")

_MASK: Final = (1 << 64) - 1
_STEP: Final = 0x9E3779B97F4A7C15
_FIRST: Final = 0xBF58476D1CE4E5B9
_SECOND: Final = 0x94D049BB133111EB
_TO_UNIT: Final = 2.0**-53


class Draws:
    """An endless sequence of numbers that its name decides (the generator known as splitmix64)."""

    __slots__ = ("_state",)

    def __init__(self, *name: str | int) -> None:
        text = "|".join(str(part) for part in name)
        self._state = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")

    def unit(self) -> float:
        """The next number, from 0 up to but not 1."""
        self._state = mixed = self._state + _STEP & _MASK
        mixed = (mixed ^ mixed >> 30) * _FIRST & _MASK
        mixed = (mixed ^ mixed >> 27) * _SECOND & _MASK
        return ((mixed ^ mixed >> 31) >> 11) * _TO_UNIT

    def below(self, bound: int) -> int:
        """A whole number from 0 up to but not `bound`."""
        return int(self.unit() * bound)

    def between(self, first: int, last: int) -> int:
        """A whole number from `first` to `last`, both included."""
        return first + self.below(last - first + 1)

    def one_of(self, choices: Sequence[T]) -> T:
        """One of the choices."""
        return choices[self.below(len(choices))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The items in another order."""
        found = list(items)
        for place in range(len(found) - 1, 0, -1):
            other = self.below(place + 1)
            found[place], found[other] = found[other], found[place]
        return found
