"""The only file that knows the CEL engine: check a text, build an activation, get a verdict.

CEL is chosen because its `&&` and `||` absorb an error exactly when the other side decides, which is three-valued
logic. Two traps are closed here: a failed evaluation comes back as a value whose text is truthy, so only a boolean
counts; and None, NaN, infinity or a bool in the place of a number would be read as something, so they are left out.

Source: ALERTS.md 3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final, NewType

from cel_expr_python import cel

from kizashi_common.contracts.scores import SignalValue
from kizashi_common.contracts.signals import SignalType
from kizashi_common.expressions.catalogue import ITEM, Catalogue
from kizashi_common.expressions.grammar import Passed, Problem, let_through
from kizashi_common.expressions.verdict import FAILED, FALSE, TRUE, Verdict, unknown

MAX_TEXT_BYTES: Final = 4_096
MAX_LIST: Final = 1_000

Activation = NewType("Activation", object)
"""The values of one subject, as the engine holds them; shared by all its rules."""

_TYPES: Final[Mapping[SignalType, Any]] = {
    "number": cel.Type.DOUBLE,
    "text": cel.Type.STRING,
    "flag": cel.Type.BOOL,
    "texts": cel.Type.List(cel.Type.STRING),
}
_FAULT: Final = re.compile(r"ERROR: <input>:1:(\d+): (.*)")
_MISSING: Final = re.compile(r'No value with name "([^"]+)"')


class Expression:
    """A text that compiled. Made by `Language.check` alone."""

    __slots__ = ("_program", "text", "uses")

    def __init__(self, text: str, uses: frozenset[str], program: Any) -> None:
        self.text = text
        self.uses = uses
        self._program = program

    def verdict(self, activation: Activation) -> Verdict:
        """TRUE, FALSE, or UNKNOWN with the reason. Never raises for what the activation holds or lacks."""
        value = self._program.eval(activation).value()
        if value is True:
            return TRUE
        if value is False:
            return FALSE
        return _unknown(str(value))


class Language:
    """The expressions over one catalogue: one typed environment, made once."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._types = dict(catalogue.types)
        self._names = frozenset(self._types)
        declared = {name: _TYPES[kind] for name, kind in self._types.items()}
        self._environment = cel.NewEnv(variables={**declared, ITEM: cel.Type.STRING})

    def check(self, text: str, *, item: bool = False) -> Expression | tuple[Problem, ...]:
        """The expression, or everything that is wrong with the text. With `item` it may speak of a list's element."""
        passed = let_through(text, self._names | {ITEM} if item else self._names)
        if not isinstance(passed, Passed):
            return passed
        try:
            program = self._environment.compile(passed.text)
        except RuntimeError as error:
            return _problems(str(error), passed)
        if program.return_type() != cel.Type.BOOL:
            return (Problem(1, "The expression must be true or false."),)
        return Expression(text, passed.uses, program)

    def activation(self, signals: Mapping[str, SignalValue], item: str | None = None) -> Activation:
        """The values that expressions read. What is missing, unknown to the catalogue or unfit is left out: UNKNOWN."""
        types = self._types
        values: dict[str, Any] = {}
        for name, value in signals.items():
            kind = types.get(name)
            if kind == "number":
                if type(value) is float and isfinite(value):
                    values[name] = value
                elif type(value) is int:
                    values[name] = float(value)
            elif kind is not None:
                _add(values, name, kind, value)
        if item is not None:
            values[ITEM] = _cut(item)
        return Activation(self._environment.Activation(values))


def _add(values: dict[str, Any], name: str, kind: SignalType, value: object) -> None:
    if kind == "flag" and isinstance(value, bool):
        values[name] = value
    elif kind == "text" and isinstance(value, str):
        values[name] = _cut(value)
    elif kind == "texts" and isinstance(value, list):
        values[name] = [_cut(one) for one in value[:MAX_LIST] if isinstance(one, str)]


def _cut(text: str) -> str:
    """At most 4 KiB of UTF-8, never half a character."""
    if len(text) * 4 <= MAX_TEXT_BYTES:
        return text
    return text.encode("utf-8", "replace")[:MAX_TEXT_BYTES].decode("utf-8", "ignore")


def _unknown(message: str) -> Verdict:
    missing = _MISSING.search(message)
    return unknown(f"missing {missing.group(1)}" if missing else FAILED)


def _problems(message: str, passed: Passed) -> tuple[Problem, ...]:
    found = tuple(
        Problem(passed.column(int(column)), what.removesuffix(" [INVALID_ARGUMENT]"))
        for column, what in _FAULT.findall(message)
    )
    return found or (Problem(1, "The expression cannot be compiled."),)
