"""One account as of one moment: start, pulse, score, band, signals, reasons. The one road by which a score is made.

A live score, a sweep and a read of a past day differ only in the moment and in the history handed in.

Source: HEALTH.md 10, "Score"; SCORING.md 6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kizashi_common.contracts.scores import SignalValue
from kizashi_health.domain.account import Account, Moment
from kizashi_health.domain.calendar import Day, midnight
from kizashi_health.domain.explain import Reason, reasons
from kizashi_health.domain.pulse import Calibration, Pulse, pulse
from kizashi_health.domain.score import MODEL, DayScore, ScoreResult, replayed, score, score_of
from kizashi_health.domain.signal import Context, Workspace
from kizashi_health.domain.signals import compute

_JUST_AFTER: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is said of an account as of a moment."""

    moment: Moment
    start: Day | None
    pulse: Pulse | None
    score: ScoreResult
    signals: Mapping[str, SignalValue]
    reasons: tuple[Reason, ...]

    @property
    def points(self) -> Mapping[str, float]:
        """What each term and the soft ends add to the baseline; empty without a pulse. Units: health points."""
        return {} if self.pulse is None else {**dict(self.pulse.points.items()), "scale": self.pulse.scale}

    @property
    def day_score(self) -> DayScore:
        """The row that history keeps when the moment is a day boundary."""
        return DayScore(self.moment.as_of, self.score.computed, self.score.model, self.score.band)


def evaluate(account: Account, workspace: Workspace, moment: Moment, history: Sequence[DayScore] = ()) -> Evaluation:
    """Everything about an account as of a moment.

    At a day boundary a crossing of bands may be confirmed; inside a day only one that goes the margin beyond counts.
    Shape: `history` holds earlier day boundaries, at least the last 28 where they exist.
    """
    found = pulse_of(account, workspace, moment)
    value = score_of(found)
    before = replayed(history, moment.as_of)
    band = before.within_day(value) if moment.is_inside_day(workspace.zone) else before.at_boundary(value).band
    result = score(found, band)
    start = account.start(moment)
    context = Context(workspace, moment, start, found, result, history)
    return Evaluation(
        moment=moment,
        start=start,
        pulse=found,
        score=result,
        signals=compute(account, context),
        reasons=() if found is None else reasons(found, workspace.calibration),
    )


def pulse_of(account: Account, workspace: Workspace, moment: Moment) -> Pulse | None:
    """The account's pulse; None before it started, and in a workspace that had not sent an event by then."""
    if not moment.is_listening:
        return None
    return pulse(
        account.activity.days,
        moment.as_of,
        account.start(moment),
        workspace.calibration,
        workspace.settings,
        workspace.clock,
    )


def boundary(day: Day, workspace: Workspace, observed_from: Day | None) -> Moment:
    """The moment at the start of a local day: what a sweep and a read of a past day look from."""
    return Moment(day, midnight(day, workspace.zone), observed_from)


def current(instant: datetime, as_of: Day, observed_from: Day | None) -> Moment:
    """The moment of a live score: windows end before `as_of`, facts are those true by `instant`."""
    return Moment(as_of, instant + _JUST_AFTER, observed_from)


def live_day(account: Account, today: Day | None) -> Day:
    """The day as of which an account is read live: tomorrow if it was active today, else today, since silence is
    charged only for days that are over. While nobody knows which day it is, the day after its last active one."""
    last = account.activity.days.last
    if today is None:
        return Day((last if last is not None else account.named_day) + 1)
    return Day(last + 1) if last is not None and last >= today else today


def recomputed_history(
    account: Account,
    workspace: Workspace,
    moments: Sequence[Moment],
    calibration_of: Callable[[Day], Calibration],
) -> tuple[DayScore, ...]:
    """The scores and bands of consecutive day boundaries, recomputed from days and facts before each.

    Shape: `moments` ascending; `calibration_of` gives the calibration in force on a day. For a read of a past day hand
    in the 56 boundaries before it, so that the bands of the last 28 have a past of their own.
    """
    rows: list[DayScore] = []
    for moment in moments:
        then = Workspace(
            zone=workspace.zone,
            clock=workspace.clock,
            settings=workspace.settings,
            calibration=calibration_of(moment.as_of),
        )
        found = pulse_of(account, then, moment)
        value = score_of(found)
        result = score(found, replayed(rows, moment.as_of).at_boundary(value).band)
        rows.append(DayScore(moment.as_of, value, MODEL, result.band))
    return tuple(rows)
