"""Words: both languages complete, every word used is there, every sentence has the same places."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from string import Formatter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kizashi_gateway.console
from kizashi_gateway.console.language import Words, words_of
from kizashi_gateway.console.reasons import sentence
from kizashi_gateway.domain.words import Language, accepted, in_language
from kizashi_gateway.queries.accounts import Reason
from tests.gateway.seeding import NOW

CONSOLE = Path(str(kizashi_gateway.console.__file__)).parent
PLURALS = (".one", ".other")


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_languages_have_every_word_with_the_same_places() -> None:
    english, japanese = words_of("en"), words_of("ja")
    assert {key for key in english if not key.endswith(".one")} == set(japanese)
    for key, text in japanese.items():
        assert places(text) == places(english[key]), key
        assert text.strip(), key


def test_every_word_that_a_page_or_template_uses_exists() -> None:
    english = words_of("en")
    used: set[str] = set()
    for path in [*CONSOLE.rglob("*.html"), *CONSOLE.rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        used |= set(re.findall(r'\bt\("([a-z_.]+)"[,)]', text))
        used |= set(re.findall(r'(?:words|self)\("([a-z_.]+)"[,)]', text))
        used |= {f"{key}.other" for key in re.findall(r'count\("([a-z_.]+)",', text)}
    assert len(used) > 80
    assert used <= set(english), used - set(english)


def test_every_name_that_comes_from_a_closed_set_has_its_word() -> None:
    english = words_of("en")
    sets = {
        "band": ("good", "watch", "risk", "none"),
        "severity": ("info", "low", "high", "critical"),
        "workflow": ("open", "acknowledged", "in_progress", "resolved"),
        "condition": ("active", "recovering", "cleared"),
        "evidence": ("ok", "low"),
        "lifecycle": ("onboarding", "live", "paused", "churned", "internal"),
        "kind": ("risk", "expansion", "renewal", "adoption", "data"),
        "feedback": ("useful", "known_already", "wrong", "bad_timing"),
        "resolution": ("person", "auto", "correction", "scope"),
        "reason": tuple(f"{c}.{d}" for c in ("SILENCE", "OVERDUE", "PACE", "FADING", "YOUNG") for d in ("up", "down")),
        "account": ("published", "reconstructed"),
        "done": ("acknowledged", "resolved"),
    }
    for group, names in sets.items():
        for name in names:
            assert f"{group}.{name}" in english


def test_numbers_money_and_dates_follow_the_language() -> None:
    english, japanese = Words("en", NOW), Words("ja", NOW)
    assert english.count("portfolio.accounts", 1) == "1 account"
    assert english.count("portfolio.accounts", 1200) == "1,200 accounts"
    assert japanese.count("portfolio.accounts", 1) == "1 アカウント"
    assert english.points(-14.1) == "\N{MINUS SIGN}14.1"
    assert english.points(3) == "+3.0"
    assert english.percent(0.031) == "3.1%"
    assert english.percent(0.28) == "28%"
    assert english.money(4_800_000.0, "JPY") == "¥4,800,000"
    assert english.short_money(4_800_000.0, "JPY") == "¥4.8M"
    assert "480万" in japanese.short_money(4_800_000.0, "JPY")
    assert english.money(None, "JPY") == "–"
    assert english.days_to(date(2026, 11, 25)) == "in 1 day"
    assert english.days_to(date(2026, 11, 24)) == "today"
    assert english.days_to(date(2026, 11, 20)) == "4 days ago"
    assert english.ago(NOW - timedelta(minutes=2)) == "2 minutes ago"
    assert (english.day(NOW.date()), english.short_day(NOW.date())) == ("24 Nov 2026", "24 Nov")
    assert english.moment(NOW) == "24 Nov 2026, 09:00 UTC"
    assert (japanese.day(NOW.date()), japanese.short_day(NOW.date())) == ("2026/11/24", "11月24日")
    assert japanese.moment(NOW) == "2026年11月24日 9:00（UTC）"


@pytest.mark.parametrize(
    ("zone", "told", "today"),
    [
        ("Asia/Tokyo", "25 Nov 2026, 01:00 JST", 25),
        ("America/New_York", "24 Nov 2026, 11:00 EST", 24),
        ("Asia/Kathmandu", "24 Nov 2026, 21:45 UTC+0545", 24),
    ],
)
def test_times_and_what_is_today_are_the_readers(zone: str, told: str, today: int) -> None:
    at = NOW.replace(hour=16)
    words = Words("en", at, ZoneInfo(zone))
    assert words.moment(at) == told
    assert words.days_to(date(2026, 11, today)) == words("time.today")
    assert words.day_at(at) == f"{today} Nov 2026"
    assert words.moment(None) == "unknown"


@pytest.mark.parametrize(
    ("amount", "english", "japanese"),
    [
        (0.0, "€0", "€0"), (700.5294529187445, "€701", "€701"), (4159.4972091888285, "€4.2K", "€4,159"),
        (999.97, "€1K", "€1,000"), (9999.7, "€10K", "€1万"), (12_345.6, "€12.3K", "€1.2万"),
        (999_999.0, "€1M", "€100万"), (99_999_999.0, "€100M", "€1億"),
    ],
)  # fmt: skip
def test_short_money_is_short(amount: float, english: str, japanese: str) -> None:
    assert Words("en", NOW).short_money(amount, "EUR") == english
    assert Words("ja", NOW).short_money(amount, "EUR") == japanese


@given(st.floats(0, 1e13), st.sampled_from(["en", "ja"]))
def test_no_amount_makes_a_narrow_column_wide(amount: float, language: Language) -> None:
    said = Words(language, NOW).short_money(amount, "EUR")
    assert len(said) <= len("€1,000.0K"), said


def test_a_reason_is_said_with_its_figures_where_they_are_known() -> None:
    english, japanese = Words("en", NOW), Words("ja", NOW)
    signals = {"usage.silent_days": 9.0, "usage.missed_days": 6.3}
    silence = Reason("SILENCE", -14.1, "9 operating days silent, 6.3 active days missed")
    assert sentence(english, silence, {}) == silence.text
    assert sentence(japanese, silence, signals) == "稼働日で 9 日利用がなく、6.3 日分の利用を逃した"
    assert sentence(japanese, silence, {"usage.silent_days": 9.0}) == "典型的なアカウントより長く利用がない"
    overdue = Reason("OVERDUE", -7.2, "far beyond its own rhythm: 6.3 usual days missed")
    assert sentence(japanese, overdue, signals) == "本来のリズムを大きく外れ、6.3 日分の利用が途絶えている"
    assert sentence(japanese, Reason("OVERDUE", 1.6, ""), {"usage.missed_days": 0.4}) == "本来のリズムの範囲内"
    assert sentence(japanese, Reason("PACE", 2.0, ""), {}) == "典型的なアカウントより利用頻度が高い"
    assert sentence(english, Reason("NEW_CODE", 2.0, ""), {}) == "NEW_CODE"


def test_an_account_that_was_never_active_is_not_said_to_use_anything() -> None:
    japanese = Words("ja", NOW)
    never = {"usage.active_days_90": 0.0, "usage.silent_days": 20.0, "usage.missed_days": 4.0, "pulse.pace": 6.0}
    lapsed = never | {"usage.last_active_day": "2026-05-01"}
    assert sentence(japanese, Reason("PACE", -25.1, ""), never) == "まだ一度も利用がない"
    assert sentence(japanese, Reason("SILENCE", -3.1, ""), never) == "開始から稼働日で 20 日、まだ一度も利用がない"
    assert sentence(japanese, Reason("PACE", -25.1, ""), lapsed) == "月に 6 日利用"
    today = lapsed | {"usage.silent_days": 0.0}
    assert sentence(japanese, Reason("SILENCE", 2.0, ""), today) == "直近の稼働日に利用がある"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("ja", "ja"),
        ("ja-JP,en;q=0.9", "ja"),
        ("en-GB,ja;q=0.9", "en"),
        ("fr,ja;q=0.5,en;q=0.2", "ja"),
        ("ja;q=0", "en"),
        ("ja;q=x", "en"),
    ],
)
def test_the_browsers_wish_is_read_by_its_weights(header: str | None, language: str) -> None:
    assert accepted(header) == language


def test_a_title_falls_back_to_english_and_then_to_anything() -> None:
    assert in_language({"en": "Silent", "ja": "途絶"}, "ja") == "途絶"
    assert in_language({"en": "Silent"}, "ja") == "Silent"
    assert in_language({"de": "Still"}, "ja") == "Still"
    assert in_language("plain", "ja") == "plain"
