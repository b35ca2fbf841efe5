"""What the canary sends and what must come of it: pure, so that every judgement can be tested with a set time.

The score leg numbers its events 1, 2, 3 … and keeps to one account for a week. `usage.events_28` of that account is
then the number of its events that were counted, so reading `n` proves that event `n` was counted, and every one before
it exactly once; a doubled event shows as a number that nobody sent. The id is made of the number: what was sent twice,
because an answer was lost, still counts once. A new account each week keeps all of it within the 28 days.

The alert leg needs an account that has something to warn about. One that was used daily until fifteen days ago is
silent against its own rhythm (`risk.silence`); that rule speaks of customers only, so the fact `status` switches its
alert: `paused` ends it at once, `live` opens it again. Each day brings one more day of that past.

Source: OPERATIONS.md 5; SCORING.md 2; ALERTS.md 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

RULE: Final = "risk.silence"
SIGNAL: Final = "usage.events_28"
USER: Final = "canary"

Status = Literal["live", "paused"]
Judgement = Literal["waiting", "seen", "wrong"]

ALERT_ACCOUNT: Final = "canary-alert"
_USED_UNTIL: Final = 15
_USED_DAYS: Final = 14
"""Its oldest day is 28 days back, within the 30 that ingest accepts."""


def monday_of(at: datetime) -> datetime:
    """The UTC midnight at which the week of an instant began."""
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def score_account(at: datetime) -> str:
    """The account whose events are counted in the week of an instant."""
    year, week, _ = monday_of(at).isocalendar()
    return f"canary-score-{year}-w{week:02}"


@dataclass(frozen=True)
class Count:
    """How far the events of an account have come: `accepted` is the highest number that ingest took.

    `is_proved`: this process has seen its own event counted, so a number nobody sent can only be a fault. Before, it
    may be the trail of a run that was ended while its events were still on their way.
    """

    account: str
    accepted: int
    is_proved: bool = False

    @property
    def next(self) -> int:
        """The number of the event to send now; one whose answer was lost is sent again under its own number."""
        return self.accepted + 1

    def judged(self, shown: int) -> Judgement:
        """What the account's number of events says of the last accepted one."""
        if shown < self.accepted:
            return "waiting"
        if shown > self.accepted and self.is_proved:
            return "wrong"
        return "seen"

    def after(self, shown: int) -> Count:
        """The count after a number was read that was not waited for any longer: the next event goes on from there."""
        return replace(self, accepted=max(shown, self.accepted), is_proved=self.judged(shown) == "seen")


def counted_event(account: str, number: int, at: datetime) -> Mapping[str, object]:
    """Event `number` of the score leg, as ingest's native API takes it."""
    event_id = f"{account}-{number}"
    return {"id": event_id, "account": account, "user": USER, "action": "login", "at": at.isoformat()}


def past_use(at: datetime) -> list[Mapping[str, object]]:
    """Two weeks of daily use of the alert's account, up to fifteen days before `at`; a day keeps its event."""
    noon = at.astimezone(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    days = [noon - timedelta(days=_USED_UNTIL + i) for i in range(_USED_DAYS)]
    return [
        {
            "id": f"{ALERT_ACCOUNT}-use-{day.date().isoformat()}",
            "account": ALERT_ACCOUNT,
            "user": USER,
            "action": "login",
            "at": day.isoformat(),
        }
        for day in days
    ]


def stated(status: Status, at: datetime) -> Mapping[str, object]:
    """The fact that switches the alert, as `POST /v1/facts` takes it."""
    fact_id = f"{ALERT_ACCOUNT}-{status}-{at.timestamp():.3f}"
    return {"id": ALERT_ACCOUNT, "event_id": fact_id, "at": at.isoformat(), "facts": {"status": status}}


def is_of_its_account(alert: Mapping[str, object]) -> bool:
    """Whether an alert is of the account that was asked for."""
    about = alert.get("account")
    return isinstance(about, Mapping) and about.get("external_id") == ALERT_ACCOUNT
