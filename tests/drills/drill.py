"""What a drill demands, and what was seen of it.

What must hold: nothing is lost or doubled, by the ledger during the fault and after it; the alerts of the drill reach
Alertmanager and the pager in time; no other alert does, but for the consequences that the drill names; and everything
is quiet again once the fault is gone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.drills.ledger import Verdict
from tests.drills.onlooker import Alert
from tests.drills.plant import Plant

Act = Callable[[Plant], Awaitable[None]]


@dataclass(frozen=True)
class Drill:
    """A fault, whom it must wake with what, and what may follow from it.

    `pages` must be seen, of the service `about` where one is named; `consequences` may. `within` is the limit until
    the last of `pages` is seen, in seconds of an installation, and `judging` what is added to it at any pace, in real
    ones: limits that services judge by themselves. `blind`: the ledger is away with the fault. `tampers`: the ledger
    itself is broken until it is healed, and whoever looks must find it so. `spoils`: nothing can be made of this plant
    afterwards. `quick`: one of each change's tests.
    """

    name: str
    fault: str
    strike: Act
    heal: Act
    pages: frozenset[str]
    within: float
    about: str = ""
    judging: float = 0.0
    consequences: frozenset[str] = frozenset()
    blind: bool = False
    tampers: bool = False
    spoils: bool = False
    quick: bool = False

    def wants(self, alert: Alert) -> bool:
        """Whether the alert is one that the fault must raise, and that must end with it.

        The ticket of a burn is not: it comes long after its page, and stands for hours.
        """
        return self._is_its_own(alert) and alert.severity == "page"

    def expects(self, alert: Alert) -> bool:
        """Whether the alert may stand because of the fault."""
        return self._is_its_own(alert) or alert.name in self.consequences

    def _is_its_own(self, alert: Alert) -> bool:
        return alert.name in self.pages and self.about in ("", alert.service)


@dataclass
class Seen:
    """What came of a drill. Seconds are real ones: `seconds` from the fault on, `over_after` from its end; None: never.

    `looks` is how often the ledger was looked at between the fault and the end of its alerts, `broken` what was wrong;
    `standing` are wanted alerts that were still held when nobody waited for their end any more, `awaited` whether
    anybody did;
    `died` are processes that ended although nobody told them to.
    """

    drill: Drill
    seconds: dict[str, float | None] = field(default_factory=dict)
    paged: bool = False
    before: frozenset[Alert] = frozenset()
    others: frozenset[Alert] = frozenset()
    silenced: frozenset[Alert] = frozenset()
    over_after: float | None = None
    standing: frozenset[Alert] = frozenset()
    awaited: bool = True
    looks: int = 0
    broken: tuple[str, ...] = ()
    died: tuple[str, ...] = ()
    verdict: Verdict | None = None

    def faults(self) -> list[str]:
        """What did not go as the drill demands, in words; empty when all did."""
        found = [f"{name} was not seen" for name, seconds in self.seconds.items() if seconds is None]
        found += [f"{alert.name} ({alert.service}) fired before the fault" for alert in sorted(self.before)]
        unexpected = (alert for alert in self.others if not self.drill.expects(alert))
        found += [f"{alert.name} ({alert.service}) fired as well" for alert in sorted(unexpected)]
        if not self.paged:
            found.append("the pager was not told")
        found += [f"{name} ended by itself" for name in self.died]
        if self.drill.tampers and not self.broken:
            found.append("the ledger looked whole while it was not")
        if self.broken and not self.drill.tampers:
            found.append(f"while the fault lasted: {'; '.join(self.broken[:3])}")
        if self.drill.spoils:
            return found
        if self.over_after is None and self.awaited:
            stood = ", ".join(f"{alert.name} ({alert.service})" for alert in sorted(self.standing))
            found.append(f"{stood or 'an alert'} still stood long after the fault")
        if self.verdict is None or not (self.looks or self.drill.blind):
            found.append("nobody looked at the ledger")
        elif not self.verdict.is_exact:
            found.append(str(self.verdict))
        return found
