"""What text is let through to CEL, and how its whole numbers become doubles.

A published language is larger than what a rule needs, and parts of it can turn missing data into an alert: a division
by zero gives infinity, a clock gives another answer on replay. So a tokeniser stands before the compiler and lets
through what is listed here and nothing else. It also widens `40` to `40.0`, since all numeric signals are doubles,
and remembers the way back, so that a fault is shown in the text as typed.

Source: ALERTS.md 3, rules 1, 2 and 7.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Final, NamedTuple

MAX_CHARACTERS: Final = 4_000
METHODS: Final = ("contains", "startsWith", "endsWith")
_WORDS: Final = frozenset(("true", "false", "in"))
_TOKEN: Final = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)"
    r"|(?P<method>\.[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<number>\d+(?:\.\d+)?)(?![\w.])"
    r"""|(?P<text>"(?:[^"\\\r\n]|\\["'\\nt])*"(?!")|'(?:[^'\\\r\n]|\\["'\\nt])*'(?!'))"""
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|[!<>+\-*()\[\],?:])"
)
_DIGITS: Final = 15


class Problem(NamedTuple):
    """What is wrong, and where. `column` counts characters of the text as typed, from 1."""

    column: int
    message: str


@dataclass(slots=True)
class Passed:
    """A text that was let through. `text` is what CEL compiles, on one line; `uses` are the names in it."""

    text: str = ""
    uses: frozenset[str] = frozenset()
    widened_at: list[int] = field(default_factory=list)

    def column(self, of_compiled: int) -> int:
        """The column in the text as typed, of a column in the compiled one; both from 1."""
        return of_compiled - 2 * bisect_right(self.widened_at, of_compiled - 1)


def let_through(text: str, names: Set[str]) -> Passed | tuple[Problem, ...]:
    """The text ready for the compiler, or everything about it that is refused."""
    if len(text) > MAX_CHARACTERS:
        return (Problem(MAX_CHARACTERS + 1, f"An expression has at most {MAX_CHARACTERS} characters."),)
    problems: list[Problem] = []
    uses: set[str] = set()
    pieces: list[str] = []
    passed = Passed()
    at = length = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            problems.append(Problem(at + 1, f"{text[at]!r} is not allowed here."))
            at += 1
            continue
        piece, problem = _judged(found, text, names, uses)
        if problem is not None:
            problems.append(Problem(at + 1, problem))
        pieces.append(piece)
        length += len(piece)
        if found.lastgroup == "number" and "." not in found.group():
            passed.widened_at.append(length - 2)
        at = found.end()
    if problems:
        return tuple(problems)
    passed.text, passed.uses = "".join(pieces), frozenset(uses)
    return passed


def _judged(found: re.Match[str], text: str, names: Set[str], uses: set[str]) -> tuple[str, str | None]:
    """The token as CEL shall see it, and why it is refused, if it is."""
    token, kind = found.group(), found.lastgroup
    if kind == "space":
        return " " * len(token), None
    if kind == "number":
        too_long = "A number has at most 15 digits." if len(token) > _DIGITS else None
        return (token if "." in token else token + ".0"), too_long
    if kind == "method":
        return token, None if _is_call(token[1:], text, found.end()) else f"{token!r} is not allowed here."
    if kind == "name":
        return token, _unknown(token, text[found.end() :], names, uses)
    return token, None


def _unknown(token: str, rest: str, names: Set[str], uses: set[str]) -> str | None:
    if token in _WORDS:
        return None
    name, _, last = token.rpartition(".")
    if not (name and _is_call(last, rest, 0)):
        name = token
    if name in names:
        uses.add(name)
        return None
    if rest.lstrip(" \t").startswith("("):
        return f"There is no function {token!r} here."
    return f"There is no signal {name!r}."


def _is_call(word: str, text: str, at: int) -> bool:
    return word in METHODS and text[at : at + 1] == "("
