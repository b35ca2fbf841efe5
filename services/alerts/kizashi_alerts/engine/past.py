"""A past that was imported: what the rules would have found, judged from an empty state by the same functions.

Without it an imported year shows no alert at all, and a rule with `for` would have to wait for days that are already
over. What it finds is opened without telling anybody, and its conditions are where live snapshots go on.

Source: ALERTS.md 2, "held as one batch".
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from kizashi_alerts.domain.condition import Condition, State
from kizashi_alerts.domain.rulebook import Rulebook
from kizashi_alerts.engine.judge import ConditionKey, Judged, Tally, judge
from kizashi_common.contracts.scores import Score
from kizashi_common.expressions.verdict import Truth


class PastCondition(msgspec.Struct, frozen=True):
    """A condition as the past left it. `opened_at` is when it became active; None while it waits."""

    rule_key: str
    scope: str
    state: State
    held_s: float
    clear_held_s: float
    evals: int
    last_outcome: str
    last_as_of: datetime
    unknown_since: datetime | None
    logic: str
    opened_at: datetime | None

    def condition(self) -> Condition:
        """The same, as the engine holds it."""
        return Condition(
            state=self.state,
            held=timedelta(seconds=self.held_s),
            clear_held=timedelta(seconds=self.clear_held_s),
            evals=self.evals,
            last_outcome=Truth(self.last_outcome),
            last_as_of=self.last_as_of,
            unknown_since=self.unknown_since,
            logic=self.logic,
        )


class Past(msgspec.Struct, frozen=True):
    """The end of one subject's past: its last snapshot, and every condition that is not inactive then."""

    last: Score
    conditions: list[PastCondition]


def encode(past: Past) -> bytes:
    """The past as it waits for its partition's owner."""
    return msgspec.json.encode(past)


def restored(body: object) -> Past:
    """The same, back out of a JSON column's value."""
    return msgspec.convert(body, Past)


def past_of(book: Rulebook, days: Iterable[Score]) -> Past | None:
    """The past of one subject; None without a day.

    Shape: `days` are snapshots of one subject, oldest first.
    """
    conditions: dict[ConditionKey, Condition] = {}
    opened: dict[ConditionKey, datetime] = {}
    last: Score | None = None
    for score in days:
        last = score
        for one in judge(book, score, conditions, Tally()):
            _keep(one, conditions, opened, score.as_of)
    if last is None:
        return None
    kept = [_past(key, condition, opened.get(key)) for key, condition in sorted(conditions.items())]
    return Past(last, kept)


def _keep(
    one: Judged, conditions: dict[ConditionKey, Condition], opened: dict[ConditionKey, datetime], as_of: datetime
) -> None:
    if one.after is None:
        conditions.pop(one.key, None)
        opened.pop(one.key, None)
        return
    conditions[one.key] = one.after
    if one.transition == "opened":
        opened[one.key] = as_of


def _past(key: ConditionKey, condition: Condition, opened_at: datetime | None) -> PastCondition:
    return PastCondition(
        rule_key=key[0],
        scope=key[1],
        state=condition.state,
        held_s=condition.held.total_seconds(),
        clear_held_s=condition.clear_held.total_seconds(),
        evals=condition.evals,
        last_outcome=condition.last_outcome.value,
        last_as_of=condition.last_as_of,
        unknown_since=condition.unknown_since,
        logic=condition.logic,
        opened_at=opened_at,
    )
