"""One account in memory: what was loaded, what changed, and why it should be scored again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from kizashi_common.contracts.ids import account_uuid
from kizashi_common.contracts.scores import Reason
from kizashi_health.domain.account import Account
from kizashi_health.domain.activity import Activity
from kizashi_health.domain.calendar import Day
from kizashi_health.domain.evaluation import Evaluation
from kizashi_health.domain.fact import Facts
from kizashi_health.domain.score import DayScore
from kizashi_health.engine.rows import AccountKey, Published, StoredAccount

_WEIGHT: Final[dict[Reason, int]] = {
    "rebuild": 0,
    "model_change": 1,
    "correction": 2,
    "time": 3,
    "event": 4,
    "fact": 5,
    "outcome": 6,
}


def stronger(first: Reason | None, second: Reason) -> Reason:
    """Of two causes of one message, the one that says most: what people did over what was imported."""
    return second if first is None or _WEIGHT[second] > _WEIGHT[first] else first


@dataclass(slots=True)
class Subject:
    """`since`: day rows from this day on are complete in memory; older ones are loaded when an event touches them."""

    key: AccountKey
    id: UUID
    account: Account
    since: Day
    history: list[DayScore]
    published: Published
    is_new: bool
    is_published_dirty: bool = False
    cause: Reason | None = None
    """Why its score must be computed again; None while it is fresh."""
    unsent: Reason | None = None
    """Why its last evaluation should still be published."""
    evaluation: Evaluation | None = None
    stale_since: datetime | None = None
    waits_written: tuple[bool, Reason | None] = (False, None)
    """Whether its score waits to be computed, and why to be told, as its row says."""
    is_card_dirty: bool = False
    trace: str | None = None
    """The recorded trace that touched it last, for the message that it will cause."""

    @property
    def activity(self) -> Activity:
        """What it did."""
        return self.account.activity

    def touch(self, cause: Reason) -> None:
        """Its score must be computed again."""
        self.cause = stronger(self.cause, cause)

    @property
    def is_clean(self) -> bool:
        """Nothing of it waits to be written, computed or sent."""
        waits = self.cause is not None or self.unsent is not None or self.is_new or self.is_card_dirty
        return not (waits or self.is_published_dirty or self.activity.dirty)


def new_subject(key: AccountKey, named_day: Day) -> Subject:
    """An account nobody has heard of before."""
    account = Account(key.external_id, named_day, Activity(), Facts())
    return Subject(key, account_uuid(*key), account, Day(0), [], Published(), is_new=True)


def loaded_subject(stored: StoredAccount, since: Day) -> Subject:
    """An account as it was committed."""
    account = Account(stored.key.external_id, stored.named_day, stored.activity, stored.facts)
    subject = Subject(stored.key, stored.id, account, since, list(stored.history), stored.published, is_new=False)
    subject.waits_written = stored.stale_since is not None, stored.unsent
    if any(subject.waits_written):
        # What waits to be told is computed again: the evaluation was in memory alone.
        subject.stale_since, subject.unsent, subject.cause = stored.stale_since, stored.unsent, stored.unsent or "event"
    return subject
