"""The laws that hold under any interleaving of snapshots, people, repetition and restarts, over the grid of options.

A reference model of the condition stands beside the real one. Source: ALERTS.md 14, invariants 1 to 7.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kizashi_alerts.domain.alert import Alert
from kizashi_alerts.domain.notify import cover_of
from kizashi_common.errors import KizashiError
from tests.alerts.test_condition import KEY
from tests.alerts.world import START, World, book_of

pytestmark = pytest.mark.slow

PARENT = "risk.parent"
HUMAN = ("workflow", "owner", "acknowledged_by", "acknowledged_at", "resolution", "feedback", "note", "closed_by")
MACHINE = ("condition", "severity", "peak_severity", "cleared_at", "evidence", "score", "as_of", "data_stale")
SYSTEM_MAY = {("open", "resolved"), ("resolved", "open")}


class Model:
    """The condition again, as plainly as it can be said: true and leave are verdicts, None is unknown."""

    def __init__(self, held: int, evals: int, clear: int) -> None:
        self.limits = (held, evals, clear)
        self.state = "inactive"
        self.held = self.evals = self.clear = 0.0
        self.last: bool | None = None
        self.at: datetime | None = None

    def told(self, at: datetime, true: bool | None, leave: bool | None, inside: bool | None) -> None:
        seen = leave if self.state in ("active", "recovering") else true
        if inside is not True and self.state != "inactive":
            if inside is False:
                self.state = "inactive"
                return
            # AND: a pending condition whose enter is FALSE is FALSE, whoever the population may be.
            seen = False if self.state == "pending" and seen is False else None
        if inside is not True and self.state == "inactive":
            return
        if self.state == "inactive":
            if seen:
                self.held, self.evals, self.clear = 0.0, 1, 0.0
                self.state = "active" if self._served() else "pending"
                self.last, self.at = True, at
            return
        grown = min(36.0, (at - self.at).total_seconds() / 3600) if seen and self.last and self.at else 0.0
        self.last, self.at = seen, at
        if seen is None:
            return
        if self.state == "pending":
            self.held, self.evals = self.held + grown, self.evals + 1
            self.state = "inactive" if not seen else "active" if self._served() else "pending"
        elif not seen:
            self.state, self.clear = "active", 0.0
        else:
            self.clear = self.clear + grown if self.state == "recovering" else 0.0
            self.state = "inactive" if self.clear >= self.limits[2] else "recovering"

    def _served(self) -> bool:
        return self.held >= self.limits[0] and self.evals >= self.limits[1]


class Machine(RuleBasedStateMachine):
    @initialize(
        held=st.sampled_from([0, 24, 48]),
        evals=st.sampled_from([1, 2, 3]),
        clear=st.sampled_from([0, 24]),
        cool_down=st.sampled_from(["0s", "2d", "14d"]),
    )
    def begin(self, held: int, evals: int, clear: int, cool_down: str) -> None:
        items = f"""
kind: rule_list
items:
- {{key: {KEY}, title: {{en: a, ja: a}}, enter: "usage.silent_days > 5", exit: "usage.silent_days < 3", for: {held}h,
   min_evals: {evals}, clear_for: {clear}h, cool_down: {cool_down},
   severity: {{base: low, high_if: "revenue.percentile > 0.5", critical_if: "revenue.percentile > 0.8"}}}}
- {{key: {PARENT}, title: {{en: a, ja: a}}, enter: "usage.missed_days > 5", exit: "usage.missed_days < 3",
   clear_for: 0s, severity: high, covers: [{KEY}], cool_down: {cool_down}}}
"""
        self.world = World(book_of(items))
        self.model = Model(held, evals, clear)
        self.hours = 0
        self.told: dict[Any, int] = {}

    @rule(
        gap=st.sampled_from([1, 12, 24, 48, 200]),
        silent=st.sampled_from([None, 1.0, 4.0, 6.0]),
        missed=st.sampled_from([None, 1.0, 6.0]),
        worth=st.sampled_from([None, 0.1, 0.6, 0.9]),
        lifecycle=st.sampled_from(["live", "live", "live", "churned", None]),
    )
    def snapshot(
        self, gap: int, silent: float | None, missed: float | None, worth: float | None, lifecycle: str | None
    ) -> None:
        self.hours += gap
        at = START + timedelta(hours=self.hours)
        before = {key: self.world.state(key) for key in (KEY, PARENT)}
        self.world.at(
            f"{self.hours}h",
            usage__silent_days=silent,
            usage__missed_days=missed,
            revenue__percentile=worth,
            account__lifecycle=lifecycle,
        )
        inside = None if lifecycle is None else lifecycle == "live"
        self.model.told(at, _above(silent, 5), _below(silent, 3), inside)
        if silent is None and lifecycle != "churned":
            assert self.world.state(KEY) == before[KEY], "UNKNOWN changed a state"

    @precondition(lambda self: bool(self.world.log))
    @rule(back=st.integers(1, 5))
    def redelivery(self, back: int) -> None:
        before = (len(self.world.happened), self.world.alerts())
        self.world.feed(self.world.log[-back:])
        assert (len(self.world.happened), self.world.alerts()) == before, "a repeat changed something"

    @rule()
    def restart(self) -> None:
        self.world.restart()

    @precondition(lambda self: bool(self.world.alerts()))
    @rule(data=st.data(), how=st.sampled_from(["acknowledge", "useful", "wrong"]))
    def person(self, data: st.DataObject, how: str) -> None:
        alert = data.draw(st.sampled_from(self.world.alerts()))
        key, when = alert.identity.rule_key, f"{self.hours}h"
        try:
            if how == "acknowledge":
                self.world.acknowledge(when, key)
            else:
                self.world.resolve(when, key, how)
        except KizashiError:
            assert not alert.open, "a person was refused on an open alert"

    @invariant()
    def the_condition_is_what_the_model_says(self) -> None:
        assert self.world.state(KEY) == self.model.state

    @invariant()
    def what_is_active_has_an_open_alert_or_was_closed_by_a_person_within_cool_down(self) -> None:
        for key in (KEY, PARENT):
            if self.world.state(key) != "active":
                continue
            alert = self.world.alert(key)
            assert alert.open or alert.resolution == "person"

    @invariant()
    def versions_rise_by_one_and_events_have_their_own(self) -> None:
        versions: dict[Any, int] = {}
        for one in self.world.happened:
            assert one.alert.version == versions.get(one.alert.id, 0) + 1
            versions[one.alert.id] = one.alert.version

    @invariant()
    def one_episode_is_open_at_most(self) -> None:
        latest: dict[Any, Alert] = {}
        for one in self.world.happened:
            latest[one.alert.id] = one.alert
        open_ones = [alert.identity for alert in latest.values() if alert.open]
        assert len(open_ones) == len(set(open_ones))

    @invariant()
    def each_axis_is_written_by_its_own_side_alone(self) -> None:
        for one in self.world.happened:
            if one.before is None:
                continue
            if one.actor != "system":
                assert all(getattr(one.before, name) == getattr(one.alert, name) for name in MACHINE)
                continue
            move = (one.before.workflow, one.alert.workflow)
            assert move[0] == move[1] or move in SYSTEM_MAY
            if move[0] == move[1]:
                assert all(getattr(one.before, name) == getattr(one.alert, name) for name in HUMAN)

    @invariant()
    def covers_are_the_same_whoever_works_them_out(self) -> None:
        for alert in self.world.alerts():
            assert alert.covered_by == cover_of(alert, reversed(self.world.alerts()), self.world.book)

    @invariant()
    def whatever_stands_uncovered_and_unattended_was_told(self) -> None:
        for alert in self.world.alerts():
            if alert.standing and alert.workflow == "open" and alert.covered_by is None:
                assert alert.notified_at is not None


def _above(value: float | None, line: float) -> bool | None:
    return None if value is None else value > line


def _below(value: float | None, line: float) -> bool | None:
    return None if value is None else value < line


Machine.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestMachine = pytest.mark.filterwarnings("ignore")(Machine.TestCase)
