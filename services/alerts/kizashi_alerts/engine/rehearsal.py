"""A rule's own tests: small stories that must end as it says, before it may come into force.

Source: ALERTS.md 2, `tests`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Final

from kizashi_alerts.domain.condition import Condition
from kizashi_alerts.domain.rule import RuleTest
from kizashi_alerts.domain.rulebook import Compiled, Rulebook
from kizashi_alerts.engine.judge import ConditionKey, Tally, judge
from kizashi_common.contracts.scores import Score, SignalValue
from kizashi_common.errors import Fault

NEUTRAL: Final[Mapping[str, SignalValue]] = {
    "account.lifecycle": "live",
    "account.age_days": 365.0,
    "score.evidence": "ok",
}
"""What the first step of a test inherits."""

_START: Final = datetime(2026, 1, 5, tzinfo=UTC)


def rehearse(book: Rulebook) -> tuple[Fault, ...]:
    """Every story that does not end as its rule says."""
    return tuple(
        Fault(f"/{rule.key}/tests/{i}", "test_failed", f"{test.name}: expected {test.expect}, came out {found}")
        for rule in book
        for i, test in enumerate(rule.rule.tests)
        if (found := ending(book, rule, test)) != test.expect
    )


def ending(book: Rulebook, rule: Compiled, test: RuleTest) -> str:
    """How a story ends: a condition's state, or, where there is none, inactive or unknown."""
    alone = Rulebook([rule], book.language)
    values = dict(NEUTRAL)
    conditions: dict[ConditionKey, Condition] = {}
    tally = Tally()
    for number, told in enumerate(test.steps, 1):
        values |= told.signals
        tally = Tally()
        for one in judge(alone, snapshot(rule, number, _START + told.at, values), conditions, tally):
            if one.after is None:
                del conditions[one.key]
            else:
                conditions[one.key] = one.after
    states = {condition.state for condition in conditions.values()}
    for state in ("active", "recovering", "pending"):
        if state in states:
            return state
    return "unknown" if tally.unknown + tally.error and not tally.true else "inactive"


def snapshot(rule: Compiled, seq: int, as_of: datetime, signals: Mapping[str, SignalValue]) -> Score:
    """A snapshot that says only what its signals say."""
    return Score(
        workspace="rehearsal",
        subject=rule.rule.subject,
        id="acc_00000000000000000000000000000000",
        external_id="rehearsal",
        seq=seq,
        as_of=as_of,
        day=date(as_of.year, as_of.month, as_of.day),
        complete_through=as_of,
        stale=False,
        reason="time",
        score=None,
        computed=None,
        band=None,
        previous_band=None,
        evidence="ok",
        coverage=1.0,
        model="rehearsal",
        contributions=[],
        adjustments=[],
        biggest_drag=None,
        pulse=None,
        points={},
        signals=dict(signals),
    )
