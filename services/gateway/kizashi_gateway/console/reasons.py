"""Why a score is what it is, in plain words.

Health says each reason with its figures in English; other languages are made here from the same signals. Where a
figure is missing the reason is said without it, never with a made-up one.

Source: SCORING.md 3.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kizashi_gateway.console.language import Words
from kizashi_gateway.queries.accounts import Reason

_FIGURES: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "SILENCE": {"silent": ("usage.silent_days", "number"), "missed": ("usage.missed_days", "number")},
    "SILENCE_NEVER": {"silent": ("usage.silent_days", "number")},
    "SILENCE_NONE": {},
    "OVERDUE": {"missed": ("usage.missed_days", "number")},
    "OVERDUE_NONE": {},
    "PACE": {"pace": ("pulse.pace", "number")},
    "PACE_NEVER": {},
    "FADING": {"ratio": ("pulse.recent_ratio", "share")},
    "YOUNG": {"days": ("account.age_days", "number")},
}
"""The signals behind the figures that a sentence holds."""


def sentence(words: Words, reason: Reason, signals: Mapping[str, Any]) -> str:
    """The reason in the reader's language."""
    if words.language == "en" and reason.text:
        return reason.text[:1].upper() + reason.text[1:]
    form = _form(reason, signals)
    figures = _figures(words, form, signals)
    if figures is not None:
        return words(f"said.{form}", **figures)
    direction = "down" if reason.points < 0 else "up"
    return words.known(f"reason.{reason.code}.{direction}", reason.text or reason.code)


def _form(reason: Reason, signals: Mapping[str, Any]) -> str:
    """The sentence that fits: without one active day a pace is nothing but the typical one, fading."""
    code = reason.code
    is_never_active = "usage.active_days_90" in signals and "usage.last_active_day" not in signals
    if is_never_active and code in ("SILENCE", "PACE"):
        return f"{code}_NEVER"
    if code == "SILENCE" and signals.get("usage.silent_days") == 0:
        return "SILENCE_NONE"
    if code == "OVERDUE" and reason.points >= 0:
        return "OVERDUE_NONE"
    return code


def _figures(words: Words, form: str, signals: Mapping[str, Any]) -> dict[str, str] | None:
    if form not in _FIGURES:
        return None
    found: dict[str, str] = {}
    for name, (signal, unit) in _FIGURES[form].items():
        value = signals.get(signal)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        whole = 0 if float(value).is_integer() else 1
        found[name] = words.percent(value) if unit == "share" else words.number(value, whole)
    return found
