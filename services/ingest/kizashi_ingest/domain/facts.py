"""What sources say about accounts: trait names turned into fact names, values into the shapes that facts have.

Two doors with two tempers. Traits of a group call are guesses of ours, so one that fits no shape is left where it was,
with a warning. What comes to `/v1/facts` was meant as a fact, so one that fits no shape is refused.

Source: INGEST.md 10.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from kizashi_common.contracts.events import FactItem
from kizashi_common.keys import SourceKeyKind
from kizashi_ingest.domain.limits import FACT_LIST, FACT_TEXT_BYTES, FACTS_PER_ACCOUNT
from kizashi_ingest.domain.notes import Notes, Refused, step

MONEY: Final = frozenset(("mrr", "arr"))

_SAME: Final = (
    *("name", "plan", "tier", "mrr", "arr", "seats", "employees", "industry", "domain", "renewal_date", "owner"),
    *("parent", "status", "trial_ends_at"),
)
TRAITS: Final[Mapping[str, str]] = {
    **{name: name for name in _SAME},
    "monthly_recurring_revenue": "mrr",
    "licenses": "seats",
    "seat_count": "seats",
    "license_count": "seats",
    "employee_count": "employees",
    "website": "domain",
    "renews_at": "renewal_date",
    "contract_end": "renewal_date",
    "created_at": "customer_since",
    "createdAt": "customer_since",
    "signup_date": "customer_since",
    "csm": "owner",
    "account_owner": "owner",
    "parent_id": "parent",
}
"""Trait name → fact name, where nobody configured anything else."""

STATES: Final = frozenset(TRAITS.values()) | {
    *("touch_model", "notice_days", "decision_date", "auto_renews", "notice_given_on", "term_days"),
}
"""Facts that health has a meaning for; any other name travels as `x.<name>`."""

ENTRIES: Final = frozenset(("ticket", "survey", "payment", "touch", "review", "contact", "outcome"))

_PUBLIC: Final = frozenset(("name", "domain", "industry", "employees"))
"""What a browser's key, which everybody can read, may say about an account."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_.]{0,63}")
_AMOUNT: Final = re.compile(r"-?\d{1,18}(\.\d{1,6})?")
_CURRENCY: Final = re.compile(r"[A-Za-z]{3}")


class Say(NamedTuple):
    """Who speaks: the kind of its key, and the source's default currency."""

    kind: SourceKeyKind
    currency: str | None


_TRAITS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def from_traits(raw: bytes, say: Say, notes: Notes) -> list[FactItem]:
    """The facts among an account's traits."""
    if raw == b"{}":
        return []
    traits = _TRAITS.decode(raw)
    found: dict[str, FactItem] = {}
    for trait, value in traits.items():
        name = TRAITS.get(trait)
        if name is None or name in found:
            continue
        place = step("/traits", trait)
        fact = _from_trait(name, value, traits, say) if not notes.has("non_finite_number", place) else None
        if fact is None:
            notes.add("fact_ignored", place)
        else:
            found[name] = fact
    return list(found.values())


def _from_trait(name: str, raw: msgspec.Raw, traits: Mapping[str, msgspec.Raw], say: Say) -> FactItem | None:
    if say.kind == "browser" and name not in _PUBLIC:
        return None
    if raw == msgspec.Raw(b"null"):
        return FactItem(name, None)
    if name in MONEY:
        beside = traits.get("currency")
        currency = msgspec.json.decode(beside) if beside is not None else say.currency
        value = money(msgspec.json.decode(raw), currency, bytes(raw))
        return None if value is None else FactItem(name, value)
    value = shaped(raw)
    return None if value is REFUSED else FactItem(name, value)


REFUSED: Final = object()
"""Stands for a value that no fact can have (None can: it unsets)."""


def shaped(raw: msgspec.Raw) -> Any:
    """A fact's value, digits of numbers as they were written; `REFUSED` when it has no shape of a fact."""
    value = msgspec.json.decode(raw)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return raw
    if isinstance(value, str):
        return value if _fits(value) else REFUSED
    if isinstance(value, list):
        return value if len(value) <= FACT_LIST and all(isinstance(v, str) and _fits(v) for v in value) else REFUSED
    return money(value, None, b"") or REFUSED


def _fits(value: str) -> bool:
    return len(value) <= FACT_TEXT_BYTES and len(value.encode()) <= FACT_TEXT_BYTES


def money(value: Any, currency: Any, written: bytes) -> dict[str, str] | None:
    """An amount with its currency: `{"amount": "1200.00", "currency": "EUR"}`, whatever it was written as.

    Args: `currency` goes with a bare number, whose digits are `written`.
    """
    if value is None or isinstance(value, bool):
        return None
    amount = written.decode() if isinstance(value, int | float) else value
    if isinstance(value, dict):
        amount, currency = value.get("amount"), value.get("currency")
        amount = str(amount) if isinstance(amount, int | float) and not isinstance(amount, bool) else amount
    if not isinstance(amount, str) or not isinstance(currency, str):
        return None
    if _AMOUNT.fullmatch(amount) is None or _CURRENCY.fullmatch(currency) is None:
        return None
    return {"amount": amount, "currency": currency.upper()}


def stated(raw: bytes, say: Say, notes: Notes) -> list[FactItem]:
    """The states in the member `facts` of an item sent to `/v1/facts`.

    Raises: Refused invalid_fact.
    """
    given = _TRAITS.decode(raw)
    if len(given) > FACTS_PER_ACCOUNT:
        raise Refused("invalid_fact", "/facts", f"At most {FACTS_PER_ACCOUNT} facts per account.")
    return [_stated(name, value, given, say, notes) for name, value in given.items() if name != "currency"]


def _stated(given: str, raw: msgspec.Raw, beside: Mapping[str, msgspec.Raw], say: Say, notes: Notes) -> FactItem:
    place = step("/facts", given)
    name = fact_name(given, place)
    value = msgspec.json.decode(raw)
    if notes.has("non_finite_number", place):
        raise Refused("invalid_fact", place, "Not a number.")
    if name in MONEY and value is not None:
        currency = msgspec.json.decode(beside["currency"]) if "currency" in beside else say.currency
        amount = money(value, currency, bytes(raw))
        if amount is None:
            raise Refused("invalid_fact", place, "Money is an amount with a currency.")
        return FactItem(name, amount)
    shape = shaped(raw)
    if shape is REFUSED:
        raise Refused(
            "invalid_fact", place, "A fact is a text, number, truth value, date, money, list of texts or null."
        )
    return FactItem(name, shape)


def fact_name(given: str, place: str) -> str:
    """The name of a fact: ours where we know it, else `x.<name>`. Raises: Refused invalid_fact."""
    known = TRAITS.get(given, given)
    if known in STATES:
        return known
    plain = known.removeprefix("x.")
    if _NAME.fullmatch(plain) is None:
        raise Refused("invalid_fact", place, "A fact's name is a-z, 0-9, _ and ., at most 64 characters.")
    return f"x.{plain}"


def entry_name(given: Any, place: str) -> str:
    """The name of an entry's list. Raises: Refused invalid_fact."""
    if isinstance(given, str) and given in ENTRIES:
        return given
    if not isinstance(given, str) or _NAME.fullmatch(given.removeprefix("x.")) is None:
        raise Refused("invalid_fact", place, "An entry's name is a-z, 0-9, _ and ., at most 64 characters.")
    return f"x.{given.removeprefix('x.')}"
