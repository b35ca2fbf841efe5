"""The machine's axis, row by row of ALERTS.md 5, and the stories of section 14, told as timelines."""

from __future__ import annotations

import pytest

from kizashi_alerts.domain.alert import scored
from kizashi_common.errors import Conflict, Invalid
from kizashi_common.stream.shapes import DeadLetter, SetAside
from tests.alerts.world import World, a_record, a_score, book_of
from tests.conftest import START

KEY = "risk.quiet"


def a_rule(**members: str) -> str:
    """A rule that enters above 5 silent days and leaves below 3; members override."""
    known = {
        "key": KEY,
        "title": "{en: Quiet, ja: 静か}",
        "enter": '"usage.silent_days > 5"',
        "exit": '"usage.silent_days < 3"',
        "clear_for": "0s",
    }
    lines = [f"{name.rstrip('_')}: {value}" for name, value in (known | members).items()]
    return "kind: rule\n" + "\n".join(lines)


def a_world(**members: str) -> World:
    return World(book_of(a_rule(**members)))


def test_true_at_once_is_active_at_once_when_nothing_is_asked_for() -> None:
    a_world().at("0d", usage__silent_days=6.0).expect(f"opened {KEY}")


def test_true_waits_for_its_time_and_its_count() -> None:
    world = a_world(for_="1d", min_evals="3")
    world.at("0d", usage__silent_days=6.0).at("20h").expect_nothing()
    assert world.state(KEY) == "pending"
    world.at("30h").expect(f"opened {KEY}")


def test_the_count_alone_is_not_enough() -> None:
    a_world(for_="1d", min_evals="2").at("0d", usage__silent_days=6.0).at("1h").at("2h").expect_nothing()


def test_the_time_alone_is_not_enough() -> None:
    a_world(for_="1d", min_evals="3").at("0d", usage__silent_days=6.0).at("1d").expect_nothing()


def test_pending_that_turns_false_is_forgotten() -> None:
    world = a_world(for_="2d").at("0d", usage__silent_days=6.0).at("1d", usage__silent_days=4.0).expect_nothing()
    assert world.state(KEY) == "inactive"
    world.at("2d", usage__silent_days=6.0).at("3d").expect_nothing().at("4d").expect(f"opened {KEY}")


def test_unknown_in_the_middle_of_for_stops_the_clock_and_does_not_reset_it() -> None:
    world = a_world(for_="2d").at("0d", usage__silent_days=6.0).at("1d").at("2d", usage__silent_days=None)
    world.at("9d").expect_nothing()
    assert world.state(KEY) == "pending"
    world.at("10d", usage__silent_days=6.0).expect_nothing().at("11d").expect(f"opened {KEY}")


def test_a_gap_serves_36_hours_at_most() -> None:
    world = a_world(for_="3d").at("0d", usage__silent_days=6.0).at("20d").expect_nothing()
    world.at("40d").expect(f"opened {KEY}")


def test_on_the_line_between_enter_and_exit_nothing_changes() -> None:
    world = a_world().at("0d", usage__silent_days=4.0).expect_nothing()
    assert world.state(KEY) == "inactive"
    world.at("1d", usage__silent_days=6.0).expect(f"opened {KEY}").at("2d", usage__silent_days=4.0).expect_nothing()
    assert world.state(KEY) == "active"


def test_flapping_around_the_line_is_one_episode() -> None:
    world = a_world(clear_for="2d").at("0d", usage__silent_days=6.0).expect(f"opened {KEY}")
    for day in range(1, 10):
        world.at(f"{day}d", usage__silent_days=1.0 if day % 2 else 6.0)
    world.expect_nothing()
    assert world.alert(KEY).episode == 1


def test_recovering_clears_after_its_time_and_nobody_having_looked_resolves_it() -> None:
    world = a_world(clear_for="2d").at("0d", usage__silent_days=6.0).at("1d", usage__silent_days=1.0)
    assert world.state(KEY) == "recovering"
    assert world.alert(KEY).condition == "recovering"
    world.expect(f"opened {KEY}").at("2d").expect_nothing().at("3d").expect(f"resolved {KEY}")
    assert world.state(KEY) == "inactive"
    assert (world.alert(KEY).resolution, world.alert(KEY).condition) == ("auto", "cleared")


def test_recovering_that_turns_bad_again_starts_its_time_anew() -> None:
    world = a_world(clear_for="2d").at("0d", usage__silent_days=6.0).at("1d", usage__silent_days=1.0)
    world.at("2d", usage__silent_days=4.0)
    assert world.state(KEY) == "active"
    world.at("3d", usage__silent_days=1.0).at("4d").expect(f"opened {KEY}").at("5d").expect(f"resolved {KEY}")


def test_unknown_while_recovering_holds_still() -> None:
    world = a_world(clear_for="1d").at("0d", usage__silent_days=6.0).at("1d", usage__silent_days=1.0)
    world.at("2d", usage__silent_days=None).at("8d").expect(f"opened {KEY}")
    assert world.state(KEY) == "recovering"


def test_a_cleared_condition_that_somebody_looks_after_is_marked_and_stays_open() -> None:
    world = a_world().at("0d", usage__silent_days=6.0).acknowledge("1h", KEY).at("1d", usage__silent_days=1.0)
    world.expect(f"opened {KEY}", f"acknowledged {KEY}", f"condition_cleared {KEY}")
    alert = world.alert(KEY)
    assert (alert.open, alert.workflow, alert.condition) == (True, "acknowledged", "cleared")
    world.resolve("2d", KEY).expect(f"resolved {KEY}")


def test_a_condition_that_returns_while_somebody_looks_after_it_is_news_of_the_same_episode() -> None:
    world = a_world().at("0d", usage__silent_days=6.0).acknowledge("1h", KEY).at("1d", usage__silent_days=1.0)
    world.expect(f"opened {KEY}", f"acknowledged {KEY}", f"condition_cleared {KEY}")
    world.at("2d", usage__silent_days=6.0).expect(f"reopened {KEY}")
    assert (world.alert(KEY).workflow, world.alert(KEY).reopen_count) == ("acknowledged", 0)


def test_leaving_the_population_closes_it_as_scope() -> None:
    world = a_world().at("0d", usage__silent_days=6.0).at("1d", account__lifecycle="churned")
    world.expect(f"opened {KEY}", f"resolved {KEY}")
    assert world.alert(KEY).resolution == "scope"


def test_an_unknown_population_closes_nothing_and_opens_nothing() -> None:
    world = a_world().at("0d", usage__silent_days=6.0, account__lifecycle=None).expect_nothing()
    world.at("1d", account__lifecycle="live").expect(f"opened {KEY}")
    world.at("2d", account__lifecycle=None, usage__silent_days=1.0).expect_nothing()
    assert world.state(KEY) == "active"


def test_the_guard_is_looked_at_before_and_never_afterwards() -> None:
    world = a_world(guard="\"score.evidence == 'ok'\"").at("0d", usage__silent_days=6.0, score__evidence="low")
    world.expect_nothing().at("1d", score__evidence="ok").expect(f"opened {KEY}")
    world.at("2d", score__evidence="low").expect_nothing()
    assert world.state(KEY) == "active"


def test_late_data_that_retracts_the_reason_closes_at_once_as_correction() -> None:
    world = a_world(clear_for="3d").at("0d", usage__silent_days=6.0)
    world.at("1h", reason="correction", usage__silent_days=1.0).expect(f"opened {KEY}", f"resolved {KEY}")
    assert world.alert(KEY).resolution == "correction"


@pytest.mark.parametrize("reason", ["model_change", "rebuild"])
def test_a_new_model_and_a_rebuild_move_nothing(reason: str) -> None:
    world = a_world().at("0d", reason=reason, usage__silent_days=6.0).expect_nothing()  # type: ignore[arg-type]
    assert world.state(KEY) == "inactive"
    world.at("1d").expect(f"opened {KEY}")


def test_a_source_outage_opens_no_alert_and_closes_none() -> None:
    world = a_world().at("0d", usage__silent_days=2.0)
    outage = {"complete_through": world.now}
    for day in range(3, 9):
        world.at(f"{day}d", usage__silent_days=float(day), **outage)
    world.expect_nothing()
    world.at("9d", usage__silent_days=9.0).expect(f"opened {KEY}")
    outage = {"complete_through": world.now}
    world.at("12d", usage__silent_days=0.0, **outage).expect_nothing()


def test_an_alert_that_rests_on_old_data_is_marked_after_five_days_and_unmarked_when_they_return() -> None:
    world = a_world().at("0d", usage__silent_days=6.0).at("1d", usage__silent_days=None).at("4d")
    assert not world.alert(KEY).data_stale
    world.at("6d").expect(f"opened {KEY}")
    assert world.alert(KEY).data_stale
    assert not world.at("7d", usage__silent_days=6.0).alert(KEY).data_stale


def test_a_restart_in_the_middle_of_for_loses_nothing() -> None:
    world = a_world(for_="2d").at("0d", usage__silent_days=6.0).at("1d").restart().at("2d").expect(f"opened {KEY}")
    world.restart().at("3d").expect_nothing()


def test_reading_the_topic_again_from_the_start_changes_nothing() -> None:
    world = a_world().at("0d", usage__silent_days=6.0).at("1d", usage__silent_days=1.0).at("2d")
    before = (dict(world.cursors), world.alerts(), len(world.happened))
    world.restart().feed(world.log)
    world.feed(world.log)
    assert (dict(world.cursors), world.alerts(), len(world.happened)) == before
    assert world.counts.duplicates == 3


def test_a_rule_without_exit_leaves_when_enter_is_false() -> None:
    world = World(
        book_of(
            "kind: rule\nkey: risk.band_risk\ntitle: {en: a, ja: a}\nenter: \"score.band == 'risk'\"\nclear_for: 0s"
        )
    )
    world.at("0d", score__band="risk").expect("opened risk.band_risk")
    world.at("1d", score__band=None).expect_nothing().at("2d", score__band="good").expect("resolved risk.band_risk")


def test_an_element_leaves_while_another_enters() -> None:
    text = a_rule(each="feature.core_lost", enter='"true"', exit="null", clear_for="0s")
    world = World(book_of(text)).at("0d", feature__core_lost=["reports", "export"])
    world.expect(f"opened {KEY}[reports]", f"opened {KEY}[export]")
    world.at("1d", feature__core_lost=["export", "api"]).expect(f"resolved {KEY}[reports]", f"opened {KEY}[api]")
    world.at("2d", feature__core_lost=None).expect_nothing()


def test_severity_rises_are_news_once_and_falls_are_stored_silently() -> None:
    severity = "{base: low, high_if: 'usage.silent_days > 10', critical_if: 'usage.silent_days > 20'}"
    world = a_world(severity=severity).at("0d", usage__silent_days=6.0).expect(f"opened {KEY}")
    world.at("1d", usage__silent_days=11.0).expect(f"severity_raised {KEY}")
    world.at("2d", usage__silent_days=6.0).expect_nothing()
    assert (world.alert(KEY).severity, world.alert(KEY).peak_severity) == ("low", "high")
    world.at("3d", usage__silent_days=11.0).expect_nothing().at("4d", usage__silent_days=21.0)
    world.expect(f"severity_raised {KEY}")


def test_what_the_system_closed_reopens_within_cool_down_and_begins_anew_after_it() -> None:
    world = a_world(cool_down="5d").at("0d", usage__silent_days=6.0).at("1d", usage__silent_days=1.0)
    first = world.alert(KEY).id
    world.expect(f"opened {KEY}", f"resolved {KEY}").at("3d", usage__silent_days=6.0).expect(f"reopened {KEY}")
    assert (world.alert(KEY).id, world.alert(KEY).reopen_count, world.alert(KEY).workflow) == (first, 1, "open")
    world.at("4d", usage__silent_days=1.0).at("20d", usage__silent_days=6.0)
    world.expect(f"resolved {KEY}", f"opened {KEY}")
    assert world.alert(KEY).id != first


def test_what_a_person_closed_stays_closed_until_cool_down_ends_and_then_begins_anew_if_still_active() -> None:
    world = a_world(cool_down="5d").at("0d", usage__silent_days=6.0).resolve("1d", KEY)
    world.expect(f"opened {KEY}", f"resolved {KEY}").at("2d").at("5d").expect_nothing()
    world.at("6d").expect(f"opened {KEY}")
    assert world.alert(KEY).episode == 2


@pytest.mark.parametrize(("feedback", "quiet", "again"), [("wrong", "60d", "61d"), ("bad_timing", "30d", "31d")])
def test_an_unwanted_alert_stays_away_longer(feedback: str, quiet: str, again: str) -> None:
    world = a_world(cool_down="5d").at("0d", usage__silent_days=6.0).resolve("1d", KEY, feedback)
    world.at(quiet).expect(f"opened {KEY}", f"resolved {KEY}").at(again).expect(f"opened {KEY}")


def test_a_severity_above_the_peak_breaks_cool_down() -> None:
    world = a_world(severity="{base: low, high_if: 'usage.silent_days > 10'}").at("0d", usage__silent_days=6.0)
    world.resolve("1d", KEY).at("2d", usage__silent_days=7.0).expect(f"opened {KEY}", f"resolved {KEY}")
    world.at("3d", usage__silent_days=11.0).expect(f"opened {KEY}")


def test_acknowledging_again_by_the_same_person_is_no_event_and_by_another_is_one() -> None:
    world = a_world().at("0d", usage__silent_days=6.0).acknowledge("1h", KEY).acknowledge("2h", KEY)
    world.expect(f"opened {KEY}", f"acknowledged {KEY}").acknowledge("3h", KEY, "mem_ken")
    world.expect(f"acknowledged {KEY}")


def test_an_acknowledgement_that_comes_after_the_end_never_reopens() -> None:
    world = a_world().at("0d", usage__silent_days=6.0).at("1d", usage__silent_days=1.0)
    with pytest.raises(Conflict) as refused:
        world.acknowledge("2d", KEY)
    assert refused.value.reason == "already_resolved"


def test_a_critical_alert_is_closed_with_a_note() -> None:
    world = a_world(severity="critical").at("0d", usage__silent_days=6.0)
    with pytest.raises(Invalid):
        world.resolve("1d", KEY, note=None)


def test_an_alert_says_why_it_is_there_and_what_would_end_it() -> None:
    alert = World().at("0d", usage__missed_days=5.5, usage__silent_days=8.0).alert("risk.silence")
    assert alert.evidence == {"usage.missed_days": 5.5, "usage.silent_days": 8.0}
    assert alert.clears_when == "usage.missed_days < 1 for 1d"
    assert alert.score.reasons == (("SILENCE", -12.0), ("OVERDUE", -3.0))
    assert alert.recommended_actions[0] == {"en": "Read reasons and score diff", "ja": "理由とスコア差分を確認"}
    assert alert.title["ja"] == "通常のリズムに比べて利用が途絶"
    assert alert.owner == "aiko@example.com"


def test_a_reason_has_the_code_that_the_api_shows() -> None:
    score = a_score(1, START, {}, points={"youth": -2.3, "pace": -1.0, "scale": -4.0})
    assert scored(score).reasons == (("YOUNG", -2.3), ("PACE", -1.0))


def test_what_comes_late_moves_nothing() -> None:
    world = World().at("0d", usage__missed_days=4.0, usage__silent_days=6.0)
    world.at("24h", usage__missed_days=0.0, usage__silent_days=0.0)
    world.at("23h", usage__missed_days=5.0, usage__silent_days=7.0)
    world.expect_nothing()
    world.at("25h", usage__missed_days=5.0, usage__silent_days=7.0)
    world.expect("opened risk.silence")


def test_no_hour_is_counted_twice() -> None:
    rule = "kind: rule\nkey: risk.x\ntitle: {en: a, ja: a}\nfor: 2d\n"
    rule += 'enter: "usage.silent_days > 5"\nexit: "usage.silent_days < 3"\n'
    world = World(book_of(rule)).at("0d", usage__silent_days=6.0).at("24h").at("0d").at("24h")
    assert world.state("risk.x") == "pending"


def test_an_element_stands_while_it_is_in_the_list_however_long_that_is() -> None:
    rule = 'kind: rule\nkey: risk.x\ntitle: {en: a, ja: a}\neach: feature.core_lost\nenter: "true"\nclear_for: 0s\n'
    world = World(book_of(rule)).at("0d", feature__core_lost=["zoom"])
    world.at("1d", feature__core_lost=["zoom"] + [f"a{i:02}" for i in range(20)])
    assert world.alert("risk.x", "zoom").open


def test_a_record_that_is_set_aside_is_a_dead_letter_and_what_follows_is_judged() -> None:
    world = a_world()
    letter = DeadLetter(a_record(a_score(1, START, {}), 0), "refused", "ValueError: too much")
    world.engine.apply(SetAside(letter), None)
    flush = world.engine.drain(START)
    assert (flush.dead_letters, flush.counts.dead_lettered, world.engine.position) == ([letter], 1, 1)
    world.at("0d", usage__silent_days=6.0).expect(f"opened {KEY}")


def test_what_stands_when_its_rule_leaves_the_book_is_over_at_the_next_snapshot() -> None:
    world = a_world().at("0d", usage__silent_days=6.0).expect(f"opened {KEY}")
    world.change_book(book_of(a_rule(key="risk.other"))).at("1d").expect(f"resolved {KEY}", "opened risk.other")
    assert world.alert(KEY).resolution == "scope"
    assert world.state(KEY) == "inactive"
    world.at("2d").expect_nothing()
