"""The rules in force, compiled: what the engine judges with, and who covers whom.

Compiling happens once per version, with every fault of every rule at once; a rule that reads a signal which nobody
publishes, or two rules that would cover each other, never come into force.

Source: ALERTS.md 2, 3 and 7.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Final, NamedTuple

from kizashi_alerts.domain.duration import written
from kizashi_alerts.domain.rule import Rule
from kizashi_common.contracts.alerts import SEVERITIES, Severity
from kizashi_common.contracts.signals import SignalType
from kizashi_common.errors import Fault, Invalid
from kizashi_common.expressions.cel import Expression, Language


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """A rule of one version, ready to be judged. `logic` names what a condition in flight depends on."""

    rule: Rule
    version: int
    population: Expression
    guard: Expression | None
    enter: Expression
    exit: Expression | None
    raised: tuple[tuple[Severity, Expression], ...]
    logic: str
    reads: frozenset[str]
    clears_when: str

    @property
    def key(self) -> str:
        """The rule's key."""
        return self.rule.key


class Edge(NamedTuple):
    """A rule that covers another, while its alert is at least so severe."""

    parent: str
    least: Severity


class Rulebook:
    """Every rule in force. Raises: Invalid, code cover_cycle, when a rule would cover itself through others."""

    def __init__(self, rules: Iterable[Compiled], language: Language) -> None:
        self._rules = {rule.key: rule for rule in rules}
        self._edges = {key: tuple(self._parents(rule)) for key, rule in self._rules.items()}
        self._refuse_cycles()
        self.language: Final = language
        self.by_subject: Final = {
            subject: tuple(rule for rule in self._rules.values() if rule.rule.subject == subject)
            for subject in ("account", "source")
        }

        self.reads: Final = {
            subject: tuple(sorted(frozenset().union(*(rule.reads for rule in rules))))
            for subject, rules in self.by_subject.items()
        }

    def __iter__(self) -> Iterator[Compiled]:
        return iter(self._rules.values())

    def get(self, key: str) -> Compiled | None:
        """The rule of that key, if it is in force."""
        return self._rules.get(key)

    def parents(self, key: str) -> tuple[Edge, ...]:
        """The rules whose alerts cover this rule's."""
        return self._edges.get(key, ())

    def _parents(self, child: Compiled) -> Iterator[Edge]:
        for parent in self._rules.values():
            if parent.key == child.key:
                continue
            named = [pattern for pattern in parent.rule.covers if _matches(pattern, child.key)]
            wished = [pattern for pattern in child.rule.covered_by if _matches(pattern, parent.key)]
            if named or wished:
                yield Edge(parent.key, min((_least(p) for p in (*named, *wished)), key=SEVERITIES.index))

    def _refuse_cycles(self) -> None:
        for start in self._rules:
            above, seen = [edge.parent for edge in self._edges[start]], set[str]()
            while above:
                key = above.pop()
                if key == start:
                    raise Invalid(f"{start} would cover itself through other rules.", code="cover_cycle")
                if key not in seen:
                    seen.add(key)
                    above.extend(edge.parent for edge in self._edges[key])


def compiled(
    rules: Iterable[Rule], version: int, language: Language, types: Mapping[str, SignalType]
) -> tuple[Compiled, ...]:
    """The rules as documents of one version, compiled.

    Raises: Invalid, with a pointer by rule and member, for everything that cannot come into force.
    """
    faults: list[Fault] = []
    made = [_compiled(rule, version, language, types, faults) for rule in rules]
    if faults:
        raise Invalid("These rules cannot come into force.", faults=tuple(faults))
    return tuple(rule for rule in made if rule is not None)


def _matches(pattern: str, key: str) -> bool:
    return fnmatchcase(key, pattern.partition("@")[0])


def _least(pattern: str) -> Severity:
    named = pattern.partition("@")[2]
    return next((level for level in SEVERITIES if level == named), "info")


def _compiled(
    rule: Rule, version: int, language: Language, types: Mapping[str, SignalType], faults: list[Fault]
) -> Compiled | None:
    before = len(faults)
    check = _Check(rule, language, faults)
    population = check.expression("applies_to", rule.population)
    guard = check.optional("guard", rule.guard)
    enter = check.expression("enter", rule.enter)
    leave = check.optional("exit", rule.exit)
    raised = tuple(
        (level, expression)
        for level, text in rule.severity.raised
        if (expression := check.expression(f"severity/{level}_if", text)) is not None
    )
    check.names(types)
    if enter is not None:
        check.exit_where_numbers_decide(enter, types)
    if len(faults) > before or population is None or enter is None:
        return None
    parts = (population, guard, enter, leave, *(expression for _, expression in raised))
    return Compiled(
        rule=rule,
        version=version,
        population=population,
        guard=guard,
        enter=enter,
        exit=leave,
        raised=raised,
        logic=_logic(rule),
        reads=frozenset().union(*(part.uses for part in parts if part is not None), rule.explain),
        clears_when=_clears_when(rule),
    )


@dataclass(frozen=True, slots=True)
class _Check:
    rule: Rule
    language: Language
    faults: list[Fault]

    def fault(self, where: str, code: str, detail: str) -> None:
        self.faults.append(Fault(f"/{self.rule.key}/{where}", code, detail))

    def optional(self, where: str, text: str | None) -> Expression | None:
        return None if text is None else self.expression(where, text)

    def expression(self, where: str, text: str) -> Expression | None:
        checked = self.language.check(text, item=self.rule.each is not None)
        if isinstance(checked, Expression):
            return checked
        for problem in checked:
            self.fault(where, "expression", f"column {problem.column}: {problem.message}")
        return None

    def names(self, types: Mapping[str, SignalType]) -> None:
        for i, name in enumerate(self.rule.explain):
            if name not in types:
                self.fault(f"explain/{i}", "unknown_signal", f"there is no signal {name!r}")
        if self.rule.each is not None and types.get(self.rule.each) != "texts":
            self.fault("each", "unknown_signal", f"there is no list signal {self.rule.each!r}")

    def exit_where_numbers_decide(self, enter: Expression, types: Mapping[str, SignalType]) -> None:
        """On the line a number flaps: what compares numbers must say with which margin it ends."""
        numbers = any(types.get(name) == "number" for name in enter.uses)
        if numbers and self.rule.exit is None and self.rule.each is None:
            self.fault("exit", "required", "enter compares numbers, so exit must leave a margin")


def _logic(rule: Rule) -> str:
    parts = (rule.population, rule.guard, rule.enter, rule.exit, rule.each, rule.for_, rule.min_evals)
    return sha256("\x00".join(map(str, parts)).encode()).hexdigest()[:16]


def _clears_when(rule: Rule) -> str:
    leave = rule.exit or (f"item is gone from {rule.each}" if rule.each else f"!({rule.enter})")
    return f"{leave} for {written(rule.clear_for)}" if rule.clear_for else leave
