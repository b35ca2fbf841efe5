"""The demo's past read by the pure domain, as health and alerts would read it: no server, no import, one process."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from kizashi_alerts.adapters import starter
from kizashi_alerts.engine.past import past_of
from kizashi_common.contracts.scores import Score
from kizashi_health.domain.account import Account
from kizashi_health.domain.activity import Activity, Occurrence
from kizashi_health.domain.calendar import Clock, Day, date_of, day_of, midnight, monday_of
from kizashi_health.domain.calibration import calibrate, member_of, window_start
from kizashi_health.domain.evaluation import Evaluation, boundary, evaluate, recomputed_history
from kizashi_health.domain.fact import Facts, Stated
from kizashi_health.domain.facts import understood
from kizashi_health.domain.pulse import Calibration, PulseSettings
from kizashi_health.domain.signal import Workspace, median
from kizashi_local.demo.facts import facts
from kizashi_local.demo.stories import at_work
from kizashi_local.demo.vendor import Customer, customers, holiday, past

UTC_ZONE = ZoneInfo("UTC")
MONTHLY_LOSS = 0.03
HISTORY = 56
BOOK = starter.rulebook()


class Reading:
    """All accounts of a demo made on a day. `has_holiday`: the week off was declared, as the demo does."""

    def __init__(self, day: date, *, has_holiday: bool = True) -> None:
        self.day = day
        self.customers = customers(day)
        self.accounts = {customer.external_id: _account(customer, day) for customer in self.customers}
        self._observed_from = day_of(past(day)[0])
        self._calibrations: dict[Day, Calibration] = {}
        clock = Clock(day_of(off) for off in holiday(day)) if has_holiday else Clock()
        self._revenues = sorted(float(customer.arr) for customer in self.customers)
        self._settings = PulseSettings()
        self._clock = clock

    def calibration(self, day: Day) -> Calibration:
        """The calibration in force on a day, made of all accounts, as health makes it."""
        monday = monday_of(day)
        found = self._calibrations.get(monday)
        if found is None:
            found = self._calibrations[monday] = self._calibrated(monday)
        return found

    def evaluations(self, customer: Customer, days: int, before: date | None = None) -> list[Evaluation]:
        """The last so many day boundaries up to `before`, which is the demo's day where it is not given."""
        account, last = self.accounts[customer.external_id], day_of(before or self.day)
        first = Day(last - days + 1)
        around = self._workspace(first)
        moments = [boundary(Day(day), around, self._observed_from) for day in range(first - HISTORY, first)]
        history = list(recomputed_history(account, around, moments, self.calibration))
        found: list[Evaluation] = []
        for number in range(first, last + 1):
            moment = boundary(Day(number), around, self._observed_from)
            if account.start(moment) is None:
                continue
            found.append(evaluate(account, self._workspace(Day(number)), moment, history))
            history.append(found[-1].day_score)
        return found

    def standing(self, evaluations: Sequence[Evaluation]) -> frozenset[str]:
        """The rules that are TRUE at the end of these days, judged from an empty state by the shipped rules."""
        found = past_of(BOOK, [_snapshot(one) for one in evaluations])
        return frozenset(one.rule_key for one in found.conditions if one.state == "active") if found else frozenset()

    def _workspace(self, day: Day) -> Workspace:
        return Workspace(
            UTC_ZONE, self._clock, self._settings, self.calibration(day), self._revenues, median(self._revenues)
        )

    def _calibrated(self, monday: Day) -> Calibration:
        moments = [
            boundary(day, Workspace(UTC_ZONE, self._clock, self._settings, _ANY), self._observed_from)
            for day in (monday, window_start(monday, self._settings))
        ]
        now, then = (
            [member for account in self.accounts.values() if (member := member_of(account, moment)) is not None]
            for moment in moments
        )
        return calibrate(now, then, monday, self._settings, MONTHLY_LOSS, self._clock)


_ANY = calibrate([], [], Day(1), PulseSettings(), MONTHLY_LOSS, Clock())


def _account(customer: Customer, day: date) -> Account:
    account = Account(customer.external_id, day_of(day), Activity(), Facts())
    for item in facts([customer]):
        at = datetime.fromisoformat(item["at"])
        for name, raw in item["facts"].items():
            kept, value = understood(name, raw)
            account.facts.state(kept, Stated(at, item["event_id"], value))
    first, end = past(day)
    off = frozenset(holiday(day))
    for number in range((end - first).days):
        that = first + timedelta(days=number)
        for person in at_work(customer, that, off):
            account.activity.count(Occurrence(day_of(that), "feature_used", True, "web", person))
    return account


def _snapshot(evaluation: Evaluation) -> Score:
    """A reconstructed day, as health hands it to alerts."""
    day, result = evaluation.moment.as_of, evaluation.score
    at = midnight(day, UTC_ZONE)
    assert at.tzinfo is UTC
    return Score(
        workspace="demo",
        id="acc_" + 32 * "0",
        external_id="any",
        seq=1,
        as_of=at,
        day=date_of(day),
        complete_through=at,
        stale=False,
        reason="time",
        score=result.value,
        computed=result.computed,
        band=result.band,
        previous_band=None,
        evidence=result.evidence,
        coverage=result.coverage,
        model=result.model,
        contributions=[],
        adjustments=[],
        biggest_drag=None,
        pulse=None,
        points={},
        signals=dict(evaluation.signals),
    )
