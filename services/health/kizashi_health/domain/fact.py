"""What is known about an account apart from its use, as states that were true from some instant on.

The value in force is the one with the largest (at, event id): it was true last. The order of arrival plays no part, so
any number of writers is safe, and every earlier value stays, because a score of a past day needs it.

Source: HEALTH.md 10; INGEST.md 10.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar

from kizashi_common.errors import Fault, Invalid

T = TypeVar("T")

FactShape = Literal["number", "money", "date", "text"]

LARGEST_NUMBER: Final = 2**53
LONGEST_TEXT_BYTES: Final = 1024
RAW_PREFIX: Final = "x."
"""What a fact is called whose meaning is not known here: it is kept as it came."""


class Money(NamedTuple):
    """An amount; `currency` is its ISO 4217 code, None when nobody named one."""

    amount: Decimal
    currency: str | None

    def times(self, factor: int) -> Money:
        """So many times the amount."""
        return Money(self.amount * factor, self.currency)


@dataclass(frozen=True, slots=True)
class FactType(Generic[T]):
    """One kind of state: what it is called, what it means, how a raw value becomes a typed one.

    `read` raises Invalid for a value that cannot be one, and takes what `written` made of a value.
    """

    name: str
    shape: FactShape
    meaning: str
    read: Callable[[object], T]


class Stated(NamedTuple):
    """That a fact had a value from `at` on; None says that it has none any more."""

    at: datetime
    event_id: str
    value: Any

    @property
    def rank(self) -> tuple[datetime, str]:
        """What decides which of two statements holds."""
        return self.at, self.event_id


class Facts:
    """All states ever stated of one account, typed, in any order of arrival."""

    __slots__ = ("_history",)

    def __init__(self) -> None:
        self._history: dict[str, list[Stated]] = {}

    def state(self, name: str, stated: Stated) -> bool:
        """Takes a statement in; True when it was not known. Said twice with one (at, event id), the first one stays."""
        history = self._history.setdefault(name, [])
        place = bisect_left(history, stated.rank, key=_rank)
        if place < len(history) and history[place].rank == stated.rank:
            return False
        insort(history, stated, key=_rank)
        return True

    def value(self, kind: FactType[T], before: datetime | None = None) -> T | None:
        """The value in force at the instant `before`; None when it is unknown or was cleared."""
        stated = self.stated(kind.name, before)
        found: T | None = stated.value if stated else None
        return found

    def stated(self, name: str, before: datetime | None = None) -> Stated | None:
        """The statement in force: the largest by (at, event id) with `at` before the instant."""
        history = self._history.get(name)
        if not history:
            return None
        place = len(history) if before is None else bisect_left(history, before, key=_at)
        return history[place - 1] if place else None

    def history(self, name: str) -> tuple[Stated, ...]:
        """Every statement, oldest first."""
        return tuple(self._history.get(name, ()))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all facts ever stated, sorted."""
        return tuple(sorted(self._history))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Facts) and self._history == other._history

    __hash__ = None  # type: ignore[assignment]  # mutable


def _rank(stated: Stated) -> tuple[datetime, str]:
    return stated.rank


def _at(stated: Stated) -> datetime:
    return stated.at


def written(value: object) -> object:
    """A typed value as JSON has it; its fact type's `read` makes the same value of that again."""
    if isinstance(value, Money):
        amount = format(value.amount, "f")
        return {"amount": amount} if value.currency is None else {"amount": amount, "currency": value.currency}
    return value.isoformat() if isinstance(value, date) else value


def refused(code: str, detail: str) -> Invalid:
    """The answer to a raw value that cannot be of its type; the caller adds where it stood."""
    return Invalid(detail, faults=(Fault("", code, detail),))


def read_number(raw: object) -> float:
    """A number, also written as text.

    Units: 0 to 2^53.
    Raises: Invalid.
    """
    if isinstance(raw, bool) or not isinstance(raw, int | float | str | Decimal):
        raise refused("not_a_number", "This fact is a number.")
    return float(_amount(raw))


def read_money(raw: object) -> Money:
    """Money: `{"amount": "1200.00", "currency": "EUR"}`, or a bare amount whose currency nobody named.

    Raises: Invalid.
    """
    if not isinstance(raw, dict):
        if isinstance(raw, bool) or not isinstance(raw, int | float | str | Decimal):
            raise refused("not_money", "This fact is money: an object with amount and currency.")
        return Money(_amount(raw), None)
    currency = raw.get("currency")
    if currency is not None and not (isinstance(currency, str) and len(currency) == 3 and currency.isalpha()):
        raise refused("currency", "A currency is a code of three letters.")
    amount = raw.get("amount")
    if isinstance(amount, bool) or not isinstance(amount, int | float | str | Decimal):
        raise refused("not_money", "Money has an amount.")
    return Money(_amount(amount), currency.upper() if isinstance(currency, str) else None)


def read_date(raw: object) -> date:
    """A date: the date part of an RFC 3339 date or time, as it stands there.

    Raises: Invalid.
    """
    if isinstance(raw, datetime):
        return raw.date()
    if isinstance(raw, date):
        return raw
    if isinstance(raw, str) and (len(raw) == 10 or raw[10:11] in ("T", "t", " ")):
        try:
            return date.fromisoformat(raw[:10])
        except ValueError:
            pass
    raise refused("not_a_date", "This fact is a date, such as 2027-03-31.")


def read_text(raw: object) -> str:
    """A text of 1 to 1,024 bytes without NUL, trimmed.

    Raises: Invalid.
    """
    if not isinstance(raw, str):
        raise refused("not_a_text", "This fact is a text.")
    text = raw.strip()
    if not text or "\x00" in text or len(text.encode("utf-8", "surrogatepass")) > LONGEST_TEXT_BYTES:
        raise refused("text", f"This fact is a text of 1 to {LONGEST_TEXT_BYTES} bytes.")
    return text


def _amount(raw: float | str | Decimal) -> Decimal:
    try:
        amount = Decimal(str(raw).strip())
    except InvalidOperation:
        raise refused("not_a_number", "This is not a number.") from None
    if not amount.is_finite() or not 0 <= amount <= LARGEST_NUMBER:
        raise refused("range", "This number lies outside 0 to 2^53.")
    return amount
