"""Expressions: three-valued logic over typed names, and nothing else of the language let through.

Source: ALERTS.md 3.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kizashi_common.contracts.signals import SIGNALS
from kizashi_common.errors import Invalid
from kizashi_common.expressions.catalogue import Catalogue
from kizashi_common.expressions.cel import Expression, Language
from kizashi_common.expressions.grammar import Passed, let_through
from kizashi_common.expressions.verdict import FALSE, TRUE, Truth, both, either, negated, unknown

LANGUAGE = Language(Catalogue(SIGNALS))
GOLDEN: list[dict[str, Any]] = json.loads(Path(__file__).with_name("golden.json").read_text(encoding="utf-8"))


def compiled(text: str, *, item: bool = False, language: Language = LANGUAGE) -> Expression:
    checked = language.check(text, item=item)
    assert isinstance(checked, Expression), checked
    return checked


def problems(text: str) -> list[tuple[int, str]]:
    checked = LANGUAGE.check(text)
    assert not isinstance(checked, Expression), f"{text!r} was let through"
    return [(problem.column, problem.message) for problem in checked]


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: f"{case['text']} {case['values']}")
def test_golden_cases_come_out_as_written(case: dict[str, Any]) -> None:
    expression = compiled(case["text"], item="item" in case)
    activation = LANGUAGE.activation(case["values"], case.get("item"))
    assert expression.verdict(activation).truth.value == case["outcome"]


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["text"])
def test_uses_are_exactly_the_names_without_which_the_text_does_not_compile(case: dict[str, Any]) -> None:
    expression = compiled(case["text"], item="item" in case)
    needed = {
        name
        for name in SIGNALS
        if name in case["text"]  # only these can matter, and an environment per name is slow
        and not isinstance(_without(name).check(case["text"], item="item" in case), Expression)
    }
    assert expression.uses - {"item"} == needed


def _without(name: str) -> Language:
    return Language(Catalogue({other: kind for other, kind in SIGNALS.items() if other != name}))


def test_an_unknown_names_the_signal_that_is_missing() -> None:
    verdict = compiled("usage.silent_days > 5").verdict(LANGUAGE.activation({}))
    assert verdict == unknown("missing usage.silent_days")


def test_a_failed_evaluation_is_unknown_though_its_value_is_a_truthy_text() -> None:
    assert compiled("!(usage.silent_days > 5)").verdict(LANGUAGE.activation({})).truth is Truth.UNKNOWN


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_left_out(value: float) -> None:
    verdict = compiled("usage.silent_days > 5").verdict(LANGUAGE.activation({"usage.silent_days": value}))
    assert verdict.truth is Truth.UNKNOWN


def test_long_texts_and_lists_are_cut_and_not_refused() -> None:
    language = Language(Catalogue({"feature.lost": "texts", "score.band": "text"}))
    activation = language.activation({"feature.lost": [str(i) for i in range(5000)], "score.band": "あ" * 5000 + "b"})
    assert compiled("'999' in feature.lost", language=language).verdict(activation) == TRUE
    assert compiled("'1000' in feature.lost", language=language).verdict(activation) == FALSE
    assert compiled("score.band.endsWith('b')", language=language).verdict(activation) == FALSE
    assert compiled("score.band.endsWith('あ')", language=language).verdict(activation) == TRUE


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("usage.silent_days / 2 > 1", 19),
        ("usage.silent_days % 2 > 1", 19),
        ("size(score.band) > 1", 1),
        ("score.band.size() > 1", 1),
        ("score.band.matches('r.*')", 1),
        ("[1].exists(x, x > 0)", 4),
        ("has(score.band)", 1),
        ("timestamp('2026-01-01T00:00:00Z') < now", 1),
        ("usage.silent_dayz > 1", 1),
        ("usage > 1", 1),
        ("item == 'x'", 1),
        ("null == null", 1),
        ("score.band == b'risk'", 15),
        ("score.band == r'risk'", 15),
        ("score.band == '''risk'''", 15),
        ("usage.silent_days > 1e3", 21),
        ("usage.silent_days > 0x10", 21),
        ("usage.silent_days > 5u", 21),
        ("usage.silent_days > 1234567890123456", 21),
        ("score.band == 'risk", 15),
        ("usage.silent_days > 5 // a remark", 23),
        ("{'a': 1} == {'a': 1}", 1),
        ("usage.silent_days & 1 > 0", 19),
        ("score.band.contains ('x')", 1),
        ("usage.silent_days >= 7 && score.value > 'a'", 39),
        ("score.band > 2 && usage.silent_days > 40", 12),
        ("usage.silent_days > 40 && score.band > 2", 38),
        ("usage.silent_days in [40, 50, 'a'] && score.band > 2", 50),
        ("usage.silent_days", 1),
        ("'text'", 1),
        ("7", 1),
        ("", 1),
        ("usage.silent_days > ", 21),
        ("(usage.silent_days > 1", 23),
    ],
)
def test_what_is_refused_is_shown_in_the_text_as_typed(text: str, column: int) -> None:
    assert column in [found for found, _ in problems(text)]


def test_every_fault_of_a_text_is_shown_at_once() -> None:
    assert [column for column, _ in problems("a.b > 1 && c.d > 2 / 3")] == [1, 12, 20]


def test_a_fault_on_a_second_line_keeps_its_column_in_the_whole_text() -> None:
    assert problems("usage.silent_days >= 7 &&\n  score.band > 2")[0][0] == 40


def test_a_text_longer_than_four_thousand_characters_is_refused_before_the_compiler_sees_it() -> None:
    assert problems("true" + " " * 4000)[0][0] == 4001


@pytest.mark.parametrize(
    "text", ["(" * 1990 + "true" + ")" * 1990, "[" * 1990 + "]" * 1990 + " == []", "-" * 3980 + "1 > 2"]
)
def test_depth_is_refused_or_answered_and_never_kills_the_process(text: str) -> None:
    LANGUAGE.check(text)


@settings(max_examples=300)
@given(st.text(alphabet="usage.silent_days<>=!&|()[]'\"0123456789 +-*/,?:in\\\n\tあ{}", max_size=60))
def test_any_text_is_an_expression_or_a_list_of_problems_inside_it(text: str) -> None:
    checked = LANGUAGE.check(text)
    if isinstance(checked, Expression):
        checked.verdict(LANGUAGE.activation({}))
    else:
        assert checked
        assert all(1 <= problem.column <= len(text) + 1 for problem in checked)


@given(st.lists(st.sampled_from(["7", "42.5", "usage.silent_days", "'7'", " + ", " in "]), min_size=1, max_size=12))
def test_widening_changes_whole_numbers_alone_and_remembers_the_way_back(pieces: list[str]) -> None:
    text = " ".join(pieces)
    passed = let_through(text, SIGNALS.keys())
    assert isinstance(passed, Passed)
    back, at = [], 0
    for column, letter in enumerate(passed.text, 1):
        typed = passed.column(column)
        if typed > at:
            at = typed
            back.append(letter)
    assert "".join(back) == text


@pytest.mark.parametrize(
    "types",
    [
        {"score.in": "number"},
        {"package.size": "number"},
        {"score": "number", "score.value": "number"},
        {"score.value": "number", "score.value.raw": "number"},
        {"1score.value": "number"},
        {"score..value": "number"},
        {"スコア.value": "number"},
        {"item.count": "number"},
    ],
)
def test_a_name_that_could_not_be_read_as_itself_is_refused(types: Any) -> None:
    with pytest.raises(Invalid):
        Catalogue(types)


VERDICTS = st.sampled_from([TRUE, FALSE, unknown("a"), unknown("b")])


@given(VERDICTS, VERDICTS, VERDICTS)
def test_the_algebra_is_that_of_three_values(a: Any, b: Any, c: Any) -> None:
    truth = [verdict.truth for verdict in (both(a, b), both(b, a), either(a, b), either(b, a))]
    assert truth[0] is truth[1]
    assert truth[2] is truth[3]
    assert negated(both(a, b)).truth is either(negated(a), negated(b)).truth
    assert both(both(a, b), c).truth is both(a, both(b, c)).truth
    assert negated(negated(a)) == a


@given(VERDICTS, VERDICTS)
def test_the_algebra_and_the_engine_agree(a: Any, b: Any) -> None:
    values: dict[str, Any] = {}
    for name, verdict in (("account.lapsed", a), ("usage.silent_days", b)):
        if verdict.truth is not Truth.UNKNOWN:
            yes = verdict is TRUE
            values[name] = yes if name == "account.lapsed" else float(yes)
    activation = LANGUAGE.activation(values)
    for sign, law in (("&&", both), ("||", either)):
        found = compiled(f"account.lapsed {sign} usage.silent_days > 0.5").verdict(activation)
        assert found.truth is law(a, b).truth
