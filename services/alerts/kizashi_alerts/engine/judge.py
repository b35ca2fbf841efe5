"""All rules over one snapshot: gate, verdicts, conditions.

The snapshot is turned into values once and shared by all rules: building them per rule costs a factor of three. What
is too old or too thin is left out before, so that it is UNKNOWN and decides nothing.

Source: ALERTS.md 3 and 5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from kizashi_alerts.domain.condition import Condition, How, Limits, Reading, Transition, step
from kizashi_alerts.domain.rule import Needs
from kizashi_alerts.domain.rulebook import Compiled, Rulebook
from kizashi_common.contracts.alerts import SEVERITIES, Severity
from kizashi_common.contracts.scores import Score, SignalValue
from kizashi_common.expressions.cel import Activation, Expression
from kizashi_common.expressions.verdict import FAILED, FALSE, TRUE, Truth, Verdict, both, negated, unknown

MAX_ELEMENTS: Final = 20
_USE: Final = ("usage.", "users.", "feature.")
_FULL: Final = 1.0

ConditionKey = tuple[str, str]
"""Rule key and scope; the scope is empty, or the element of a list signal."""
Conditions = Mapping[ConditionKey, Condition]


class Judged(NamedTuple):
    """What one rule makes of one snapshot. `severity` is of what stands; `evidence` are the signals it shows."""

    rule: Compiled
    scope: str
    after: Condition | None
    transition: Transition | None
    how: How
    severity: Severity
    evidence: Mapping[str, SignalValue]
    data_stale: bool

    @property
    def key(self) -> ConditionKey:
        """The condition's key."""
        return self.rule.key, self.scope


@dataclass(slots=True)
class Tally:
    """How many verdicts came out how: for the metrics. An error decides nothing, like any UNKNOWN.

    Units: `seconds` that all rules took over each snapshot.
    """

    true: int = 0
    false: int = 0
    unknown: int = 0
    error: int = 0
    failing: set[str] = field(default_factory=set)
    seconds: list[float] = field(default_factory=list)

    def count(self, rule: str, verdict: Verdict) -> None:
        """Adds one."""
        if verdict.truth is Truth.TRUE:
            self.true += 1
        elif verdict.truth is Truth.FALSE:
            self.false += 1
        elif verdict.reason == FAILED:
            self.error += 1
            self.failing.add(rule)
        else:
            self.unknown += 1


def judge(book: Rulebook, score: Score, conditions: Conditions, tally: Tally) -> list[Judged]:
    """Every condition that stands, waits or has just ended; what is and stays inactive is not listed.

    Shape: `conditions` are those of this subject before the snapshot.
    """
    snapshot = _Snapshot(book, score)
    found: list[Judged] = []
    for rule in book.by_subject[score.subject]:
        if rule.rule.each is None and (rule.key, "") not in conditions:
            # Nearly every rule of nearly every subject is inactive and stays so: decided with a single expression.
            outcome = snapshot.enters(rule, snapshot.activation(rule, ""))
            if outcome.truth is not Truth.TRUE:
                tally.count(rule.key, outcome)
                continue
        values = snapshot.values(rule)
        for scope, elements in _scopes(rule, values, conditions):
            before = conditions.get((rule.key, scope))
            judged = _judged(rule, scope, before, _Reader(snapshot, rule, scope, elements, tally))
            if judged is not None:
                found.append(judged)
    return found


def _scopes(
    rule: Compiled, values: Mapping[str, SignalValue], conditions: Conditions
) -> Iterator[tuple[str, list[str] | None]]:
    """The scopes to judge, each with the list that it stands in; None when that list is unknown."""
    each = rule.rule.each
    if each is None:
        yield "", None
        return
    value = values.get(each)
    listed = sorted(set(value)) if isinstance(value, list) else None
    known = {scope for key, scope in conditions if key == rule.key}
    # Only what may open is limited: what stands is over when it is gone from the list, however long that is.
    for scope in sorted(known.union((listed or [])[:MAX_ELEMENTS])):
        yield scope, listed


def _judged(rule: Compiled, scope: str, before: Condition | None, reader: _Reader) -> Judged | None:
    document = rule.rule
    stands = before is not None and before.stands
    population = reader.verdict(rule.population) if stands else TRUE
    outcome = reader.leaves() if stands else reader.enters()
    limits = Limits(document.for_, document.min_evals, document.clear_for)
    reading = Reading(population.truth, outcome.truth, reader.as_of, reader.correction)
    moved = step(before, reading, limits, rule.logic)
    reader.tally.count(rule.key, outcome)
    if before is None and moved.after is None:
        return None
    after = moved.after
    since = after.unknown_since if after is not None else None
    return Judged(
        rule=rule,
        scope=scope,
        after=after,
        transition=moved.transition,
        how=moved.how,
        severity=reader.severity() if after is not None and after.stands else document.severity.base,
        evidence=reader.evidence() if after is not None and after.stands else {},
        data_stale=since is not None and reader.as_of - since >= document.on_unknown.flag_after,
    )


class _Snapshot:
    """One snapshot's values, as each kind of needs lets them through; built once per kind."""

    def __init__(self, book: Rulebook, score: Score) -> None:
        self.score = score
        self.language = book.language
        self._reads = book.reads[score.subject]
        self._kept: dict[tuple[float, timedelta], tuple[Mapping[str, SignalValue], Activation]] = {}

    def values(self, rule: Compiled) -> Mapping[str, SignalValue]:
        """What the rule may see."""
        return self._let_in(rule.rule.needs)[0]

    def activation(self, rule: Compiled, scope: str) -> Activation:
        """The same for expressions."""
        values, activation = self._let_in(rule.rule.needs)
        return activation if rule.rule.each is None else self.language.activation(values, scope)

    def enters(self, rule: Compiled, activation: Activation) -> Verdict:
        """`enter && guard && applies_to`, the likeliest FALSE first: AND does not mind the order."""
        entered = rule.enter.verdict(activation)
        if entered.truth is Truth.FALSE:
            return FALSE
        guarded = entered if rule.guard is None else both(entered, rule.guard.verdict(activation))
        return FALSE if guarded.truth is Truth.FALSE else both(guarded, rule.population.verdict(activation))

    def _let_in(self, needs: Needs) -> tuple[Mapping[str, SignalValue], Activation]:
        key = (needs.coverage, needs.max_age)
        kept = self._kept.get(key)
        if kept is None:
            values = let_in(self.score, needs)
            read = {name: values[name] for name in self._reads if name in values}
            kept = self._kept[key] = (values, self.language.activation(read))
        return kept


def _proved(score: Score, needs: Needs) -> bool:
    through = score.complete_through
    return through is not None and score.as_of - through <= needs.max_age


def let_in(score: Score, needs: Needs) -> Mapping[str, SignalValue]:
    """The signals that are young and thick enough, and of use only what is proved complete.

    A signal without an entry in `signal_meta` is as old as the snapshot and fully covered.
    """
    proved = _proved(score, needs)
    if proved and not score.signal_meta:
        return score.signals
    return {
        name: value
        for name, value in score.signals.items()
        if (proved or not name.startswith(_USE)) and _fit(score.signal_meta.get(name), score.as_of, needs)
    }


def _fit(meta: Mapping[str, float | str] | None, as_of: datetime, needs: Needs) -> bool:
    if meta is None:
        return True
    coverage, at = meta.get("coverage", _FULL), meta.get("as_of")
    if isinstance(coverage, float | int) and coverage < needs.coverage:
        return False
    return not isinstance(at, str) or as_of - datetime.fromisoformat(at) <= needs.max_age


class _Reader:
    """What one rule reads of one snapshot, for one scope."""

    def __init__(
        self, snapshot: _Snapshot, rule: Compiled, scope: str, elements: list[str] | None, tally: Tally
    ) -> None:
        self._rule = rule
        self._scope = scope
        self._elements = elements
        self._snapshot = snapshot
        self._values = snapshot.values(rule)
        self._activation = snapshot.activation(rule, scope)
        self.as_of = snapshot.score.as_of
        self.correction = snapshot.score.reason == "correction"
        self.tally = tally

    def verdict(self, expression: Expression) -> Verdict:
        return expression.verdict(self._activation)

    def enters(self) -> Verdict:
        """Listed, where there is a list, and `enter && guard && applies_to`."""
        listed = self._listed()
        return self._snapshot.enters(self._rule, self._activation) if listed is TRUE else listed

    def leaves(self) -> Verdict:
        """The stated exit; else, with `each`, the element is gone; else NOT enter."""
        if self._rule.exit is not None:
            return self.verdict(self._rule.exit)
        if self._rule.rule.each is not None:
            return negated(self._listed())
        return negated(self.verdict(self._rule.enter))

    def _listed(self) -> Verdict:
        if self._rule.rule.each is None:
            return TRUE
        if self._elements is None:
            return unknown(f"missing {self._rule.rule.each}")
        return TRUE if self._scope in self._elements else FALSE

    def severity(self) -> Severity:
        """The worst level that is TRUE; UNKNOWN raises nothing."""
        raised = (level for level, expression in self._rule.raised if self.verdict(expression).truth is Truth.TRUE)
        base = self._rule.rule.severity.base
        return max(base, next(raised, base), key=SEVERITIES.index)

    def evidence(self) -> Mapping[str, SignalValue]:
        """The signals to show: those that the rule names, else those that it reads."""
        names = self._rule.rule.explain or sorted(self._rule.reads)
        return {name: self._values[name] for name in names if name in self._values}
