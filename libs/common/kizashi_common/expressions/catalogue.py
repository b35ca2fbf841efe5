"""The typed names that an expression may use, checked once so that no name can hide another.

CEL reads `a.b` as a name or as a field of `a`, so a name that is a dotted prefix of another would make one of them
unreachable; a reserved word as a segment would not parse at all.

Source: ALERTS.md 3, rule 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from kizashi_common.contracts.signals import SignalType
from kizashi_common.errors import Fault, Invalid

ITEM: Final = "item"
"""The element that a rule with `each` is judged for; a text."""

RESERVED: Final = frozenset(
    [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "false",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "loop",
        "namespace",
        "null",
        "package",
        "return",
        "true",
        "var",
        "void",
        "while",
    ]
)
"""What CEL keeps for itself. Source: CEL language definition, "Identifiers"."""


class Catalogue:
    """Names with their types.

    Raises: Invalid with every name that could not be read as itself.
    """

    def __init__(self, types: Mapping[str, SignalType]) -> None:
        faults = tuple(fault for name in sorted(types) for fault in _faults(name, types))
        if faults:
            raise Invalid("These names cannot stand in an expression.", faults=faults)
        self.types: Final[Mapping[str, SignalType]] = MappingProxyType(dict(types))


def _faults(name: str, types: Mapping[str, SignalType]) -> list[Fault]:
    segments = name.split(".")
    found = []
    if not all(segment.isascii() and segment.isidentifier() for segment in segments):
        found.append(Fault(name, "malformed", "segments of letters, digits and underscores, joined by dots"))
    if RESERVED.intersection(segments):
        found.append(Fault(name, "reserved", "a segment is a word that CEL keeps for itself"))
    if segments[0] == ITEM:
        found.append(Fault(name, "reserved", "`item` is the element of a list signal"))
    prefixes = {".".join(segments[:length]) for length in range(1, len(segments))}
    if prefixes & types.keys():
        found.append(Fault(name, "prefix", "another name is a dotted prefix of this one"))
    return found
