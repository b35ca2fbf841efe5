"""The reconstructed past up to now as snapshots, page by page: what alerts judges after an import.

Source: HEALTH.md 16; ALERTS.md 2.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from kizashi_common.contracts.ids import shown
from kizashi_common.contracts.scores import Score
from kizashi_common.db.database import Database, driver_of
from kizashi_health.adapters.accounts import AccountReader
from kizashi_health.adapters.history import accounts_after, present_of, snapshots_of
from kizashi_health.adapters.progress import progress
from kizashi_health.adapters.workspaces import stored_workspaces
from kizashi_health.domain.account import Account
from kizashi_health.domain.calendar import Day, date_of, local_day
from kizashi_health.domain.evaluation import current, evaluate, live_day
from kizashi_health.domain.signal import Workspace
from kizashi_health.domain.windows import ROWS_READ
from kizashi_health.engine.contexts import workspace_of
from kizashi_health.engine.rows import StoredAccount


class Page(NamedTuple):
    """Snapshots of some accounts, and the account after which the next page begins; None on the last."""

    snapshots: list[Score]
    following: str | None


class Now(NamedTuple):
    """What the accounts are read under, and up to when the input of all partitions is proved."""

    workspace: Workspace
    first_day: Day | None
    through: datetime

    @property
    def today(self) -> Day:
        """The local day up to which input is proved."""
        return local_day(self.through, self.workspace.zone)


class Snapshots:
    """Reads what `Reconstruct` wrote, up to now."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reader = AccountReader()

    async def page(self, name: str, days: int, after: UUID | None, limit: int) -> Page:
        """The last `days` reconstructed days of the next `limit` accounts, and what each is now."""
        async with self._database.transaction(read_only=True) as connection:
            stored = (await stored_workspaces(connection, [name]))[name]
            through = (await progress(connection)).earliest
            cards = await accounts_after(connection, name, after, limit)
            if through is None or not cards:
                return Page([], None)
            now = Now(workspace_of(stored), stored.first_day, through)
            past = await snapshots_of(connection, cards, date_of(Day(now.today - days + 1)), now.workspace.zone)
            raw = await driver_of(connection)
            accounts = await self._reader.some(raw, name, list(past), Day(now.today - ROWS_READ))
        present = {one.id: one for one in accounts.values()}
        found = [
            one
            for card in cards
            if (read := present.get(card["account_id"])) is not None
            for one in (*past[read.id], _present(card, read, now))
        ]
        return Page(found, None if len(cards) < limit else shown("acc", cards[-1]["account_id"]))


def _present(card: Any, stored: StoredAccount, now: Now) -> Score:
    """What an account is now. Not its card: that may wait to be scored again after the reconstruction."""
    account = Account(stored.key.external_id, stored.named_day, stored.activity, stored.facts)
    # A snapshot that was told after the last proof is not newer than this.
    instant = max(now.through, card["as_of"])
    evaluation = evaluate(
        account, now.workspace, current(instant, live_day(account, now.today), now.first_day), stored.history
    )
    return present_of(card, evaluation, now.through, now.workspace.zone)
