"""Markers: words that nothing but a leak could bring into a log, and the search for them in every form they may take.

A marker stands for a secret or a person. It is looked for as it is, in any letter case, quoted as in an address, as
hexadecimal digits, and inside base64 at each of the three places at which it can begin.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import quote, quote_plus

_SHORTEST = 8


class Leak(NamedTuple):
    """A marker that was found, where, and the line it stood in."""

    marker: str
    place: str
    line: str


@dataclass
class Markers:
    """What was planted, by the name of the place it was planted in."""

    planted: dict[str, str] = field(default_factory=dict)

    def __call__(self, name: str) -> str:
        """A fresh marker for a place: letters and digits, so that it is taken wherever a word is."""
        return self.known(name, f"Mark{os.urandom(9).hex()}")

    def known(self, name: str, secret: str) -> str:
        """A secret that the product made itself, and that must not come out again."""
        assert len(secret) >= _SHORTEST, f"{name} is too short to look for"
        self.planted[name] = secret
        return secret

    def leaks(self, texts: Mapping[str, str]) -> list[Leak]:
        """Every marker that stands in one of the texts."""
        lowered = {place: text.lower() for place, text in texts.items()}
        return [
            Leak(name, place, _line(texts[place], text.find(form)))
            for name, secret in self.planted.items()
            for form in forms(secret)
            for place, text in lowered.items()
            if form in text
        ]


def forms(secret: str) -> list[str]:
    """The forms in which a secret could be written, in lower case."""
    raw = secret.encode()
    written: Iterable[str] = (secret, quote(secret, safe=""), quote_plus(secret), raw.hex(), *_in_base64(raw))
    return sorted({form.lower() for form in written if len(form) >= _SHORTEST})


def _in_base64(raw: bytes) -> list[str]:
    """What base64 makes of it wherever in a longer text it begins: the characters that its neighbours cannot change."""
    found = []
    for before in range(3):
        padded = b"\0" * before + raw
        whole = base64.b64encode(padded).decode()
        kept = whole[-(-before * 8 // 6) : len(padded) * 8 // 6]
        found += [kept, kept.replace("+", "-").replace("/", "_")]
    return found


def _line(text: str, at: int) -> str:
    return text[text.rfind("\n", 0, at) + 1 :].partition("\n")[0][:300]
