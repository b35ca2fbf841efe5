"""Words, numbers, dates and money in the reader's language. No sentence is glued from pieces.

Source: GATEWAY.md 8, "Languages".
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from babel import Locale
from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_compact_currency, format_currency, format_decimal, format_percent

from kizashi_gateway.domain.words import Language, in_language

_HERE: Final = Path(__file__).parent / "words"
_MINUS: Final = "\N{MINUS SIGN}"
_UNITS_FROM: Final[Mapping[Language, int]] = {"en": 1_000, "ja": 10_000}
"""From here on a language has a word for large amounts: thousand, 万."""
_SHARES: Final = ("ratio", "ratio_own", "used_ratio", "probability", "base", "cut", "percentile", "recent_ratio")


def _name(local: datetime) -> str:
    """What a zone is called then: JST, CET; by its distance from UTC where it has no such name."""
    name = local.tzname() or "UTC"
    return name if name.isalpha() else f"UTC{name}"


@cache
def words_of(language: Language) -> dict[str, str]:
    """Every word of a language, by its dotted key."""
    return dict(_flat(tomllib.loads((_HERE / f"{language}.toml").read_text(encoding="utf-8")), ""))


def _flat(tree: Mapping[str, Any], prefix: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in tree.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((prefix + name, str(value)))
    return found


class Words:
    """One language's way of saying things. `now` is what "ago" counts from, `zone` the one that times are told in."""

    def __init__(self, language: Language, now: datetime, zone: tzinfo = UTC) -> None:
        self.language = language
        self._now = now
        self._zone = zone
        self._words = words_of(language)
        self._locale = Locale.parse(language)

    def __call__(self, key: str, /, **values: object) -> str:
        """The words under a key, with their values in place. Raises: KeyError for a word that nobody wrote."""
        return self._words[key].format_map(values)

    def count(self, key: str, number: int) -> str:
        """The words for so many of a thing, in the plural form that the language has for the number."""
        form = self._locale.plural_form(number)
        key_of_form = f"{key}.{form}" if f"{key}.{form}" in self._words else f"{key}.other"
        return self._words[key_of_form].format_map({"count": self.number(number, 0)})

    def known(self, key: str, otherwise: str) -> str:
        """The words under a key, or a text where a newer service sent a name that we have no word for yet."""
        return self._words.get(key, otherwise)

    def title(self, text: Any) -> str:
        """A document's title in this language."""
        return in_language(text, self.language)

    def number(self, value: float, digits: int = 1) -> str:
        """A number with so many digits after the point."""
        shape = "#,##0" + ("." + "0" * digits if digits else "")
        return format_decimal(value, shape, locale=self._locale).replace("-", _MINUS)

    def points(self, value: float) -> str:
        """Signed points."""
        text = self.number(value)
        return text if value < 0 else f"+{text}"

    def percent(self, share: float) -> str:
        """A share of one as percent; small ones keep a digit, since 0 % would be a lie."""
        return format_percent(share, "#,##0.0%" if 0 < abs(share) < 0.1 else "#,##0%", locale=self._locale)

    def money(self, amount: float | None, currency: str | None) -> str:
        """Money in full, without cents."""
        if amount is None:
            return self("money.none")
        return format_currency(
            round(amount), currency or "XXX", locale=self._locale, format="¤#,##0", currency_digits=False
        )

    def short_money(self, amount: float | None, currency: str | None) -> str:
        """Money for a narrow column: three digits and a unit, or in full where the language has no unit so small."""
        if amount is None:
            return self("money.none")
        rounded = float(f"{amount:.4g}")
        if len(f"{rounded:.0f}") > len(str(int(amount))):
            # Babel chooses the unit before it rounds: 999,999 would be 1000K.
            amount = rounded
        if abs(amount) < _UNITS_FROM[self.language]:
            return self.money(amount, currency)
        digits = 0 if abs(amount) >= 100_000 and self.language == "ja" else 1
        return format_compact_currency(amount, currency or "XXX", locale=self._locale, fraction_digits=digits)

    def day(self, day: date | None) -> str:
        """A business date."""
        if day is None:
            return self("time.never")
        return format_date(day, "d MMM y" if self.language == "en" else "medium", locale=self._locale)

    def short_day(self, day: date) -> str:
        """A date on an axis."""
        return format_date(day, "d MMM" if self.language == "en" else "M月d日", locale=self._locale)

    def moment(self, at: datetime | None) -> str:
        """An instant, in the reader's zone and naming it."""
        if at is None:
            return self("time.unknown")
        local, shape = at.astimezone(self._zone), "d MMM y, HH:mm" if self.language == "en" else "y年M月d日 H:mm"
        text = format_datetime(local.replace(tzinfo=None), shape, locale=self._locale)
        return self("time.zoned", text=text, zone=_name(local))

    def day_at(self, at: datetime) -> str:
        """The date on which an instant falls for the reader."""
        return self.day(at.astimezone(self._zone).date())

    def ago(self, at: datetime, form: Literal["long", "short"] = "long") -> str:
        """How long ago an instant was."""
        return format_timedelta(at - self._now, add_direction=True, format=form, locale=self._locale)

    def days_to(self, day: date) -> str:
        """How far away a business date is."""
        days = (day - self._now.astimezone(self._zone).date()).days
        if days == 0:
            return self("time.today")
        return self.count("portfolio.days_left", days) if days > 0 else self.count("portfolio.days_over", -days)

    def signal(self, name: str, value: Any, currency: str | None = None) -> str:
        """A signal's value, in the unit that its name says."""
        if isinstance(value, bool):
            return self("answer.yes") if value else self("answer.no")
        if not isinstance(value, int | float):
            return self._text(value)
        last = name.rsplit(".", 1)[-1]
        if last in _SHARES:
            return self.percent(value)
        if last in ("arr", "mrr"):
            return self.money(value, currency)
        return self.number(value, 0 if float(value).is_integer() else 1)

    def _text(self, value: Any) -> str:
        if isinstance(value, list | tuple):
            return ", ".join(str(item) for item in value)
        try:
            return self.day(date.fromisoformat(str(value)[:10]))
        except ValueError:
            return str(value)
