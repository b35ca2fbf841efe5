"""Texts that exist in several languages: titles and actions in documents carry `{en, ja}`.

Source: GATEWAY.md 8, "Languages".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

Language = Literal["en", "ja"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "ja")


def in_language(text: Any, language: Language) -> str:
    """The text in a language, else in English, else in any; a plain text is the same in all."""
    if not isinstance(text, Mapping):
        return str(text)
    found = text.get(language) or text.get("en") or next(iter(text.values()), "")
    return str(found)


def accepted(header: str | None) -> Language:
    """The first language of ours that an Accept-Language header wants, by its weights; English when none."""
    best: tuple[float, Language] = (0.0, "en")
    for part in (header or "").split(","):
        tag, _, weight = part.strip().partition(";")
        language = next((known for known in LANGUAGES if tag.strip().lower().split("-")[0] == known), None)
        if language is not None and _weight(weight) > best[0]:
            best = (_weight(weight), language)
    return best[1]


def _weight(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
