"""The rule document: what may be written, what is refused and where, and what ships. Source: ALERTS.md 2 and 4."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi_alerts.adapters import starter
from kizashi_alerts.domain import documents
from kizashi_alerts.domain.duration import elapsed, written
from kizashi_alerts.engine.rehearsal import rehearse
from kizashi_common.errors import Invalid
from tests.alerts.world import book_of

FULL = """
kind: rule
key: risk.usage_drop
title: {en: Usage well below its own normal, ja: 利用が自社の通常水準を大きく下回る}
subject: account
applies_to: "account.lifecycle == 'live' && account.age_days > 60"
guard: "score.evidence == 'ok'"
enter: "usage.ratio_own < 0.5 && usage.z_own < -2"
exit: "usage.ratio_own > 0.65"
for: 2d
min_evals: 2
clear_for: 3d
cool_down: 14d
severity:
  {base: low, high_if: "revenue.percentile >= 0.8", critical_if: "renewal.days_left <= 60 && revenue.percentile >= 0.8"}
needs: {coverage: 0.6, max_age: 36h}
on_unknown: {flag_after: 5d}
each: null
covers: [risk.band_risk]
covered_by: ["risk.*@high"]
storm: {min: 20, share: 0.02}
playbook: win-back-use
explain: [usage.ratio_own, renewal.days_left]
tests:
- {name: holiday hits everyone, steps: [{at: 0d, usage.ratio_own: 0.97, usage.z_own: -3}], expect: inactive}
- {name: missing ratio decides nothing, steps: [{at: 0d, usage.z_own: -3}], expect: unknown}
- name: opens on the third day
  steps: [{at: 0d, usage.ratio_own: 0.4, usage.z_own: -3}, {at: 1d}, {at: 2d}]
  expect: active
- {name: not before, steps: [{at: 0d, usage.ratio_own: 0.4, usage.z_own: -3}, {at: 1d}], expect: pending}
"""


def faults(text: str) -> set[str]:
    with pytest.raises(Invalid) as refused:
        book_of(text)
    return {fault.pointer for fault in refused.value.faults} or {refused.value.reason}


def test_the_full_form_is_read_with_every_field() -> None:
    (rule,) = documents.rules(FULL)
    assert (rule.for_, rule.min_evals, rule.clear_for) == (timedelta(days=2), 2, timedelta(days=3))
    assert rule.severity.raised[0][0] == "critical"
    assert (rule.needs.coverage, rule.needs.max_age) == (0.6, timedelta(hours=36))
    assert rule.alert_kind == "risk"
    assert rehearse(book_of(FULL)) == ()


def test_a_rule_with_only_what_it_must_have_gets_the_defaults() -> None:
    (rule,) = documents.rules("kind: rule\nkey: risk.x\ntitle: {en: a, ja: あ}\nenter: 'account.lapsed'")
    assert (rule.for_, rule.min_evals) == (timedelta(0), 1)
    assert (rule.clear_for, rule.cool_down) == (timedelta(days=3), timedelta(days=14))
    assert rule.population == "!(account.lifecycle in ['churned', 'paused', 'internal'])"
    assert (rule.severity.base, rule.each, rule.covers) == ("low", None, ())


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        (("playbook: win-back-use", "playbock: win-back-use"), "/items/0/playbock"),
        (("key: risk.usage_drop", "key: danger.usage_drop"), "/items/0/key"),
        (("for: 2d", "for: 2wd"), "/items/0/for"),
        (("for: 2d", "for: soon"), "/items/0/for"),
        (("min_evals: 2", "min_evals: 0"), "/items/0/min_evals"),
        (("ja: 利用が自社の通常水準を大きく下回る", "de: x"), "/items/0/title/ja"),
        (("base: low", "base: bad"), "/items/0/severity/base"),
        (("critical_if:", "awful_if:"), "/items/0/severity/awful_if"),
        (("coverage: 0.6", "coverage: 60"), "/items/0/needs/coverage"),
        (("expect: unknown", "expect: perhaps"), "/items/0/tests/1/expect"),
        (("storm: {min: 20, share: 0.02}", "storm: never"), "/items/0/storm/constrained-str"),
    ],
)
def test_what_the_form_does_not_know_is_refused_with_its_place(change: tuple[str, str], pointer: str) -> None:
    found = faults(FULL.replace(*change))
    assert pointer in found or (pointer.startswith("/items/0/storm") and any("/storm" in one for one in found))


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        (('enter: "usage.ratio_own < 0.5', 'enter: "usage.ratio_ours < 0.5'), "/risk.usage_drop/enter"),
        (('exit: "usage.ratio_own > 0.65"', "exit: \"usage.ratio_own > 'a'\""), "/risk.usage_drop/exit"),
        (('exit: "usage.ratio_own > 0.65"\n', ""), "/risk.usage_drop/exit"),
        (
            ('high_if: "revenue.percentile >= 0.8"', 'high_if: "revenue.percentile"'),
            "/risk.usage_drop/severity/high_if",
        ),
        (("explain: [usage.ratio_own", "explain: [usage.ratio_ours"), "/risk.usage_drop/explain/0"),
        (("each: null", "each: usage.ratio_own"), "/risk.usage_drop/each"),
        (('guard: "score.evidence', 'guard: "item'), "/risk.usage_drop/guard"),
    ],
)
def test_what_does_not_compile_is_refused_with_its_place(change: tuple[str, str], pointer: str) -> None:
    assert pointer in faults(FULL.replace(*change))


def test_every_fault_is_shown_at_once() -> None:
    broken = FULL.replace("usage.ratio_own < 0.5", "a.b < 1").replace("usage.ratio_own > 0.65", "c.d > 2")
    assert faults(broken) >= {"/risk.usage_drop/enter", "/risk.usage_drop/exit"}


def test_two_rules_of_one_key_are_refused() -> None:
    item = "- {key: risk.x, title: {en: a, ja: a}, enter: account.lapsed}"
    assert faults(f"kind: rule_list\nitems:\n{item}\n{item}") == {"/items/0"}


@pytest.mark.parametrize("text", ["[1", "kind: policy\nkey: x", "- 1", "", "kind: rule_list\nitems: 4"])
def test_what_is_no_rule_at_all_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        documents.rules(text)


def test_a_story_that_ends_otherwise_is_told_with_what_came_out() -> None:
    (fault,) = rehearse(book_of(FULL.replace("expect: pending", "expect: active")))
    assert fault.pointer == "/risk.usage_drop/tests/3"
    assert fault.detail == "not before: expected active, came out pending"


def test_what_ships_stands_with_its_playbooks_and_in_both_languages() -> None:
    book = starter.rulebook()
    playbooks = starter.playbooks(book)
    assert {rule.key for rule in book} == {"risk.pulse_crossing", "risk.silence", "expansion.seat_pressure"}
    assert all(rule.rule.tests for rule in book)
    assert {rule.rule.playbook for rule in book} <= playbooks.keys()
    for playbook in playbooks.values():
        assert all(words.en != words.ja for words in (playbook.title, *playbook.recommended))
    assert [edge.parent for edge in book.parents("expansion.seat_pressure")] == ["risk.pulse_crossing", "risk.silence"]


@pytest.mark.parametrize(
    "change",
    [("due: 4wh", "due: soon"), ("after: read", "after: nobody"), ("key: call", "key: read"), ("tasks:", "steps:")],
)
def test_a_playbook_that_cannot_be_followed_is_refused(change: tuple[str, str]) -> None:
    text = """
kind: playbook
key: win-back-use
title: {en: Win back use, ja: 利用の回復}
tasks:
- {key: read, title: {en: Read, ja: 確認}, due: 4wh}
- {key: call, title: {en: Call, ja: 電話}, due: 2wd, after: read, owner: "queue:product"}
"""
    assert documents.playbooks(text)
    with pytest.raises(Invalid):
        documents.playbooks(text.replace(*change))


@given(st.integers(0, 9999), st.sampled_from("smhdw"))
def test_a_duration_reads_back_as_it_was_written(count: int, unit: str) -> None:
    assert elapsed(written(elapsed(f"{count}{unit}"))) == elapsed(f"{count}{unit}")
