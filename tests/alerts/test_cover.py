"""Cover: a child exists and is shown, sends nothing, and is told when what covers it ends. Source: ALERTS.md 7."""

from __future__ import annotations

import pytest

from kizashi_common.errors import Invalid
from tests.alerts.world import World, book_of

FULL = {"score__value": 80.0, "score__vs_median_28": 1.0, "seats__used_ratio": 0.95, "seats__above_90_days": 20.0}
SILENT = {"usage__missed_days": 6.0, "usage__silent_days": 9.0}
BACK = {"usage__missed_days": 0.0, "usage__silent_days": 0.0}
SEATS, SILENCE = "expansion.seat_pressure", "risk.silence"


def rules(*items: str) -> str:
    return "kind: rule_list\nitems:\n" + "\n".join(f"- {{title: {{en: a, ja: a}}, {item}}}" for item in items)


def test_seats_running_out_is_told_when_no_serious_risk_is_open() -> None:
    World().at("0d", **FULL).expect(f"opened {SEATS}")


def test_two_alerts_of_one_snapshot_are_judged_before_anything_is_told() -> None:
    World().at("0d", **FULL, **SILENT).expect(f"opened {SILENCE}", f"opened {SEATS} (covered)")


def test_a_child_is_told_when_its_cover_clears() -> None:
    world = World().at("0d", **FULL, **SILENT).expect(f"opened {SILENCE}", f"opened {SEATS} (covered)")
    world.at("1d", **BACK).expect_nothing().at("2d").expect(f"resolved {SILENCE}", f"opened {SEATS} (uncovered!)")
    assert world.alert(SEATS).covered_by is None
    world.at("3d").expect_nothing()


def test_a_child_is_told_when_a_person_closes_its_cover() -> None:
    world = World().at("0d", **FULL, **SILENT).expect(f"opened {SILENCE}", f"opened {SEATS} (covered)")
    world.resolve("1h", SILENCE).expect(f"resolved {SILENCE}", f"opened {SEATS} (uncovered!)")


def test_an_acknowledged_cover_still_covers() -> None:
    world = World().at("0d", **FULL, **SILENT).expect(f"opened {SILENCE}", f"opened {SEATS} (covered)")
    world.acknowledge("1h", SILENCE).expect(f"acknowledged {SILENCE}")
    assert world.alert(SEATS).covered_by == world.alert(SILENCE).id


def test_a_child_that_ends_under_its_cover_was_never_told_and_is_not_told_now() -> None:
    world = World().at("0d", **FULL, **SILENT).expect(f"opened {SILENCE}", f"opened {SEATS} (covered)")
    for day in range(1, 16):
        world.at(f"{day}d", seats__used_ratio=0.5)
    world.expect(f"resolved {SEATS} (covered)")


def test_a_child_that_was_told_before_its_cover_came_is_not_told_again() -> None:
    world = World().at("0d", **FULL).expect(f"opened {SEATS}").at("1d", **SILENT).expect(f"opened {SILENCE}")
    assert world.alert(SEATS).covered_by == world.alert(SILENCE).id
    world.at("2d", **BACK).at("3d").expect(f"resolved {SILENCE}")


def test_a_low_risk_does_not_cover_what_asks_for_a_high_one() -> None:
    low = rules(
        'key: risk.a, enter: "usage.silent_days > 5", exit: "usage.silent_days < 3"',
        'key: expansion.b, enter: "seats.used_ratio > 0.9", exit: "seats.used_ratio < 0.8", '
        'covered_by: ["risk.*@high"]',
    )
    world = World(book_of(low)).at("0d", usage__silent_days=9.0, seats__used_ratio=0.95)
    world.expect("opened risk.a", "opened expansion.b")


def test_a_child_that_rises_above_its_cover_is_news_of_its_own() -> None:
    text = rules(
        'key: risk.a, enter: "usage.silent_days > 5", exit: "usage.silent_days < 3", severity: high, covers: [risk.b]',
        'key: risk.b, enter: "usage.missed_days > 5", exit: "usage.missed_days < 3", '
        'severity: {base: low, critical_if: "usage.missed_days > 50"}',
    )
    world = World(book_of(text)).at("0d", usage__silent_days=9.0, usage__missed_days=9.0)
    world.expect("opened risk.a", "opened risk.b (covered)")
    world.at("1d", usage__missed_days=60.0).expect("severity_raised risk.b (severity_raised!)")


def test_patterns_cover_by_kind_and_never_the_rule_itself() -> None:
    text = rules(
        'key: risk.a, enter: "usage.silent_days > 5", exit: "usage.silent_days < 3", '
        'severity: critical, covers: ["risk.*"]',
        'key: risk.b, enter: "usage.missed_days > 5", exit: "usage.missed_days < 3"',
    )
    book = book_of(text)
    assert [edge.parent for edge in book.parents("risk.b")] == ["risk.a"]
    assert book.parents("risk.a") == ()


def test_rules_that_would_cover_each_other_never_come_into_force() -> None:
    with pytest.raises(Invalid) as refused:
        book_of(
            rules(
                'key: risk.a, enter: "account.lapsed", covers: [risk.b]',
                'key: risk.b, enter: "account.lapsed", covers: [risk.c]',
                'key: risk.c, enter: "account.lapsed", covers: [risk.a]',
            )
        )
    assert refused.value.reason == "cover_cycle"
