"""The machine's axis: inactive → pending → active → recovering. What is unknown holds still.

A condition exists only where something is the matter: inactive has no row. Its clocks run on the `as_of` of
snapshots, grow only between two consecutive TRUE ones, and by 36 hours at most for one gap, so neither an outage nor
a replay can serve a `for` that nobody saw.

Source: ALERTS.md 5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from kizashi_common.expressions.verdict import Truth

MAX_GAP: Final = timedelta(hours=36)
_NOTHING: Final = timedelta(0)

State = Literal["pending", "active", "recovering"]
Transition = Literal["pending", "opened", "dropped", "recovering", "resumed", "cleared"]
How = Literal["auto", "correction", "scope"]


@dataclass(frozen=True, slots=True)
class Condition:
    """What one rule knows about one subject between two snapshots. `logic` names the expressions it was judged by."""

    state: State
    held: timedelta
    clear_held: timedelta
    evals: int
    last_outcome: Truth
    last_as_of: datetime
    unknown_since: datetime | None
    logic: str

    @property
    def stands(self) -> bool:
        """Whether it has been active and is not cleared."""
        return self.state != "pending"


class Limits(NamedTuple):
    """How long and how often before it counts, and how long gone before it is over."""

    held: timedelta
    evals: int
    clear: timedelta


class Reading(NamedTuple):
    """What one snapshot says: whether the subject is in the rule's population, and the outcome of what is read.

    `outcome` is that of `guard && enter` for what does not stand, of `exit` for what does. Whoever has joined the
    population into the outcome already gives TRUE for it.
    """

    population: Truth
    outcome: Truth
    as_of: datetime
    correction: bool = False


class Moved(NamedTuple):
    """The condition afterwards, and what happened to it, if anything. `how` tells why it is over."""

    after: Condition | None
    transition: Transition | None = None
    how: How = "auto"


def step(before: Condition | None, reading: Reading, limits: Limits, logic: str) -> Moved:
    """One snapshot, at most one transition."""
    if before is not None and before.logic != logic:
        before = replace(before, logic=logic) if before.stands else None
    if before is None:
        return _begin(reading, limits, logic)
    if reading.population is Truth.FALSE:
        return Moved(None, "cleared" if before.stands else "dropped", "scope")
    if before.state == "pending":
        return _pending(before, _joined(reading), reading, limits)
    if reading.population is Truth.UNKNOWN or reading.outcome is Truth.UNKNOWN:
        return Moved(_unknown(before, reading.as_of))
    return _standing(before, reading, limits)


def _joined(reading: Reading) -> Truth:
    """AND of population and outcome."""
    if Truth.FALSE in (reading.population, reading.outcome):
        return Truth.FALSE
    return Truth.UNKNOWN if Truth.UNKNOWN in (reading.population, reading.outcome) else Truth.TRUE


def _begin(reading: Reading, limits: Limits, logic: str) -> Moved:
    if _joined(reading) is not Truth.TRUE:
        return Moved(None)
    begun = Condition("pending", _NOTHING, _NOTHING, 1, Truth.TRUE, reading.as_of, None, logic)
    if _served(begun, limits):
        return Moved(replace(begun, state="active"), "opened")
    return Moved(begun, "pending")


def _pending(before: Condition, outcome: Truth, reading: Reading, limits: Limits) -> Moved:
    if outcome is Truth.FALSE:
        return Moved(None, "dropped")
    if outcome is Truth.UNKNOWN:
        return Moved(_unknown(before, reading.as_of))
    after = replace(
        before,
        held=before.held + _grown(before, reading.as_of),
        evals=before.evals + 1,
        last_outcome=Truth.TRUE,
        last_as_of=reading.as_of,
        unknown_since=None,
    )
    if _served(after, limits):
        return Moved(replace(after, state="active"), "opened")
    return Moved(after)


def _standing(before: Condition, reading: Reading, limits: Limits) -> Moved:
    after = replace(before, last_outcome=reading.outcome, last_as_of=reading.as_of, unknown_since=None)
    if reading.outcome is Truth.FALSE:
        if before.state == "active":
            return Moved(after)
        return Moved(replace(after, state="active", clear_held=_NOTHING), "resumed")
    if reading.correction:
        return Moved(None, "cleared", "correction")
    held = before.clear_held + _grown(before, reading.as_of) if before.state == "recovering" else _NOTHING
    if held >= limits.clear:
        return Moved(None, "cleared")
    after = replace(after, state="recovering", clear_held=held)
    return Moved(after, "recovering" if before.state == "active" else None)


def _served(condition: Condition, limits: Limits) -> bool:
    return condition.held >= limits.held and condition.evals >= limits.evals


def _grown(before: Condition, as_of: datetime) -> timedelta:
    """The time between two consecutive TRUE snapshots. After an UNKNOWN the clock starts again from here."""
    if before.last_outcome is not Truth.TRUE:
        return _NOTHING
    return min(max(as_of - before.last_as_of, _NOTHING), MAX_GAP)


def _unknown(before: Condition, as_of: datetime) -> Condition:
    since = as_of if before.unknown_since is None else before.unknown_since
    return replace(before, last_outcome=Truth.UNKNOWN, last_as_of=as_of, unknown_since=since)
