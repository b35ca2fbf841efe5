"""True, false, or unknown with its reason: what an expression says when some of what it reads may be missing.

Missing data must never decide anything, so UNKNOWN is a value with an algebra of its own and not an exception.

Source: ALERTS.md 3.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple


class Truth(Enum):
    """The three values."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


class Verdict(NamedTuple):
    """What came out; `reason` says why it is UNKNOWN and is empty otherwise."""

    truth: Truth
    reason: str = ""


FAILED: Final = "failed"
"""The reason of an UNKNOWN that no missing value explains: the expression itself went wrong."""

TRUE: Final = Verdict(Truth.TRUE)
FALSE: Final = Verdict(Truth.FALSE)


def unknown(reason: str) -> Verdict:
    """An UNKNOWN with its reason."""
    return Verdict(Truth.UNKNOWN, reason)


def both(left: Verdict, right: Verdict) -> Verdict:
    """AND: FALSE if either side is FALSE, else UNKNOWN if either is."""
    if left.truth is Truth.FALSE or right.truth is Truth.FALSE:
        return FALSE
    return left if left.truth is Truth.UNKNOWN else right


def either(left: Verdict, right: Verdict) -> Verdict:
    """OR: TRUE if either side is TRUE, else UNKNOWN if either is."""
    if left.truth is Truth.TRUE or right.truth is Truth.TRUE:
        return TRUE
    return left if left.truth is Truth.UNKNOWN else right


def negated(verdict: Verdict) -> Verdict:
    """NOT: UNKNOWN stays UNKNOWN."""
    if verdict.truth is Truth.UNKNOWN:
        return verdict
    return FALSE if verdict.truth is Truth.TRUE else TRUE
