"""What became of one item beside being accepted: a warning for each value we altered, or the reason it was refused.

Source: INGEST.md 13 and 16.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kizashi_common.contracts.events import Alteration
from kizashi_common.contracts.quarantine import QuarantineCode
from kizashi_common.errors import Poison
from kizashi_ingest.domain.limits import WARNINGS_KEPT

WARNINGS: Final = (
    "account_conflict",
    "bad_time",
    "big_integer",
    "control_removed",
    "encoding_mismatch",
    "fact_ignored",
    "feature_missing",
    "future_time",
    "id_hashed",
    "id_made",
    "invalid_utf8",
    "key_conflict",
    "keys_dropped",
    "lone_surrogate",
    "naive_time",
    "no_id_no_time",
    "no_time",
    "non_finite_number",
    "not_an_object",
    "server_key_in_browser",
    "skew_corrected",
    "string_cut",
    "unknown_member",
)
"""Every warning there is: the closed set of the metric's label."""


class Refused(Poison):
    """This item can never become an event: it goes to quarantine, alone, with its reason."""

    def __init__(self, code: QuarantineCode, pointer: str, detail: str) -> None:
        super().__init__(detail, code=code)
        self.quarantine: QuarantineCode = code
        self.pointer = pointer


class Notes:
    """Collects an item's warnings; equal ones are counted, and of many kinds the first twenty are kept."""

    __slots__ = ("_counts",)

    def __init__(self, start: tuple[Alteration, ...] = ()) -> None:
        self._counts: dict[tuple[str, str], int] = {(note.code, note.pointer): note.count for note in start}

    def add(self, code: str, pointer: str = "") -> None:
        """One more value was altered."""
        place = (code, pointer)
        self._counts[place] = self._counts.get(place, 0) + 1

    def has(self, code: str, pointer: str) -> bool:
        """This very value was altered in this way."""
        return (code, pointer) in self._counts

    def __contains__(self, code: str) -> bool:
        return any(noted == code for noted, _ in self._counts)

    def codes(self) -> Iterator[tuple[str, int]]:
        """Each kind of warning with its count."""
        return ((code, count) for (code, _), count in self._counts.items())

    def listed(self) -> list[Alteration]:
        """The warnings as the envelope carries them."""
        if not self._counts:
            return []
        return [Alteration(code, pointer, n) for (code, pointer), n in list(self._counts.items())[:WARNINGS_KEPT]]


def step(pointer: str, name: str) -> str:
    """The RFC 6901 pointer to a member; a name longer than anyone reads is shortened."""
    shown = name[:64].replace("~", "~0").replace("/", "~1")
    return f"{pointer}/{shown}"
