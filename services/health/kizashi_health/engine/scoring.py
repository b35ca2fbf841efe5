"""Touched accounts get a new score; a day that began gets one for every account; and some of that is published.

Two kinds of work wait in order: day boundaries (a sweep, every account of a workspace as of one day) and accounts that
something happened to. Both are done a few at a time, so that counting never waits for scoring.

Source: HEALTH.md 9 and 10.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from kizashi_common.contracts.scores import Reason
from kizashi_health.domain.calendar import Day
from kizashi_health.domain.evaluation import Evaluation, boundary, current, evaluate, live_day
from kizashi_health.domain.pulse import Calibration
from kizashi_health.domain.score import DayScore
from kizashi_health.domain.signal import Workspace
from kizashi_health.engine.contexts import Context
from kizashi_health.engine.flush import ScoreRow
from kizashi_health.engine.memory import Memory
from kizashi_health.engine.rows import AccountKey
from kizashi_health.engine.snapshot import Stamp, message, snapshot
from kizashi_health.engine.subject import Subject, stronger
from kizashi_health.engine.walks import Boundary, Walks

HISTORY_DAYS: Final = 100
_LOOK: Final = timedelta(seconds=1)
"""How often the messages that wait for their time are looked through: there may be one for every account."""


class Scoring:
    """Decides when an account is scored, and what of it is told."""

    def __init__(self, memory: Memory, walks: Walks) -> None:
        self._memory = memory
        self._walks = walks
        self._later: dict[AccountKey, None] = {}
        self._looked_at: datetime | None = None

    # -- work

    def catch_up(self, most: int) -> int:
        """Does at most so many evaluations; returns how many wait."""
        boundaries = self._walks.boundaries
        for _ in range(most):
            if boundaries:
                self._at_boundary(boundaries.popleft())
            elif self._waiting:
                self._live(self._memory.subjects[next(iter(self._memory.touched))])
            else:
                break
        self._publish_later()
        return len(boundaries) + self._waiting

    @property
    def _waiting(self) -> int:
        """How many accounts can be scored now: none before the log has shown an instant to score them at."""
        return len(self._memory.touched) if self._memory.now is not None else 0

    def _at_boundary(self, work: Boundary) -> None:
        memory = self._memory
        subject = memory.subjects[work.key]
        context = memory.contexts[work.key.workspace]
        moment = boundary(work.day, work.workspace, context.observed_from)
        evaluation = evaluate(subject.account, work.workspace, moment, subject.history)
        memory.pending.noted.computed[work.reason] += 1
        _remember(subject, evaluation.day_score)
        memory.pending.scores.append(_score_row(subject, evaluation, work.workspace.calibration))
        if work.reason != "rebuild":
            self._publish(subject, evaluation, work.reason, work.workspace)
        if self._live_day(subject, context) == work.day:
            subject.evaluation, subject.is_card_dirty = evaluation, True
        elif work.reason != "rebuild":
            # Active today, so it is shown as of tomorrow. Of several days only the last is followed by that.
            memory.touch(subject, work.reason)
        memory.mark(subject)
        self._walks.done(work)

    def _live(self, subject: Subject) -> None:
        memory = self._memory
        memory.untouch(subject.key)
        if subject.cause is None or memory.now is None:
            return
        context = memory.contexts[subject.key.workspace]
        moment = current(memory.now, self._live_day(subject, context), context.observed_from)
        evaluation = evaluate(subject.account, context.workspace, moment, subject.history)
        memory.pending.noted.computed[subject.cause] += 1
        subject.unsent = stronger(subject.unsent, subject.cause)
        if memory.through is not None:
            # Before the first proof nobody knows which day it is, so the score only stands until that proof comes.
            subject.cause = None
        subject.evaluation, subject.is_card_dirty = evaluation, True
        memory.mark(subject)
        if self._is_news(subject, evaluation) or self._may_send(subject):
            self._publish(subject, evaluation, subject.unsent, context.workspace)
        else:
            self._later[subject.key] = None

    def _live_day(self, subject: Subject, context: Context) -> Day:
        return live_day(subject.account, self._memory.today(context.workspace.zone))

    # -- publication

    def _is_news(self, subject: Subject, evaluation: Evaluation) -> bool:
        published = subject.published
        return (
            published.at is None
            or subject.unsent in ("fact", "outcome")
            or evaluation.score.band != published.band
            or _over_cut(evaluation) != published.over_cut
        )

    def _may_send(self, subject: Subject) -> bool:
        at, now = subject.published.at, self._memory.now
        return at is None or now is None or now - at >= self._memory.settings.publish_every

    def _publish_later(self) -> None:
        now = self._memory.now
        if not self._later or (now is not None and self._looked_at is not None and now - self._looked_at < _LOOK):
            return
        self._looked_at = now
        for key in [key for key in self._later if self._may_send(self._memory.subjects[key])]:
            subject = self._memory.subjects[key]
            if subject.evaluation is not None and subject.unsent is not None:
                workspace = self._memory.contexts[subject.key.workspace].workspace
                self._publish(subject, subject.evaluation, subject.unsent, workspace)

    def _publish(self, subject: Subject, evaluation: Evaluation, reason: Reason, workspace: Workspace) -> None:
        memory = self._memory
        stamp = self.stamp(subject, evaluation, reason, seq=subject.published.seq + 1)
        memory.pending.messages.append(message(snapshot(subject, workspace, evaluation, stamp), subject.trace))
        self._note(subject, evaluation, reason)
        subject.published = replace(
            subject.published,
            seq=stamp.seq,
            at=memory.now,
            band=evaluation.score.band,
            over_cut=_over_cut(evaluation),
        )
        subject.is_published_dirty = subject.is_card_dirty = True
        memory.mark(subject)
        subject.unsent = None
        if subject.cause is None:
            # Else another message will come of the same event.
            subject.trace = None
        self._later.pop(subject.key, None)

    def _note(self, subject: Subject, evaluation: Evaluation, reason: Reason) -> None:
        noted, before, after = self._memory.pending.noted, subject.published.band, evaluation.score.band
        noted.published[reason] += 1
        if before != after and subject.published.seq:
            noted.band_changes[before, after] += 1

    def stamp(self, subject: Subject, evaluation: Evaluation, reason: Reason, seq: int) -> Stamp:
        """What a message or card says of itself."""
        through = self._memory.through
        return Stamp(seq, reason, evaluation.moment.facts_before, through, stale=through is None)


def _remember(subject: Subject, row: DayScore) -> None:
    earlier = [kept for kept in subject.history if kept.day != row.day]
    subject.history = [*earlier[-HISTORY_DAYS:], row]


def _over_cut(evaluation: Evaluation) -> bool | None:
    probability, cut = evaluation.signals.get("pulse.probability"), evaluation.signals.get("pulse.cut")
    if not isinstance(probability, float) or not isinstance(cut, float):
        return None
    return probability >= cut


def _score_row(subject: Subject, evaluation: Evaluation, calibration: Calibration) -> ScoreRow:
    return ScoreRow(
        key=subject.key,
        id=subject.id,
        day=evaluation.moment.as_of,
        score=evaluation.score.computed,
        band=evaluation.score.band,
        probability=None if evaluation.pulse is None else evaluation.pulse.probability,
        evidence=evaluation.score.evidence,
        calibration_id=calibration.id,
        points=evaluation.points,
        signals=dict(evaluation.signals),
    )
