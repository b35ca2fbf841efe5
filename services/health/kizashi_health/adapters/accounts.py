"""Whole accounts out of their tables, many at once: activity, facts, recent scores, last publication.

Source: HEALTH.md 5 and 12.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from kizashi_common.contracts.ids import account_uuid
from kizashi_common.errors import Invalid
from kizashi_health.adapters.packing import unpack_bitmap, unpack_counts
from kizashi_health.domain.activity import Activity, DayRow, DaySet, FeatureSpan, User
from kizashi_health.domain.calendar import Day, date_of, day_of
from kizashi_health.domain.fact import Facts, Stated
from kizashi_health.domain.facts import understood
from kizashi_health.domain.score import MODEL, DayScore
from kizashi_health.engine.rows import PAGE, AccountKey, Page, Published, StoredAccount
from kizashi_health.engine.scoring import HISTORY_DAYS

_LATEST_SCORES = """
SELECT account_id, day, score, band FROM (
  SELECT DISTINCT ON (account_id, day) account_id, day, score, band, basis FROM health.account_score_day
  WHERE workspace_id = ANY($1::text[]) AND account_id = ANY($2::uuid[]) AND model = $3 AND day >= $4
  ORDER BY account_id, day, basis
) latest ORDER BY account_id, day
"""
"""The row that was shown wins over a reconstructed one of the same day ('published' sorts first)."""


_BEFORE_ALL = UUID(int=0)
_ANY_SLOT = "slot = ANY (ARRAY(SELECT slot FROM health.consumer_slot))"
"""Each key begins with the slot: naming all of them lets PostgreSQL look up instead of reading whole tables."""


class AccountReader:
    """Reads accounts of one slot, or (slot None) of the workspace whatever their slot."""

    async def accounts(
        self, raw: Any, slot: int, keys: Collection[AccountKey], since: Day
    ) -> dict[AccountKey, StoredAccount]:
        """Those of these accounts that exist."""
        if not keys:
            return {}
        ids = [account_uuid(*key) for key in keys]
        rows = await raw.fetch(
            "SELECT * FROM health.account WHERE slot = $1 AND account_id = ANY($2::uuid[])", slot, ids
        )
        return await self._complete(raw, rows, since)

    async def page(self, raw: Any, slot: int, page: Page, since: Day) -> dict[AccountKey, StoredAccount]:
        """The next accounts of a workspace in a slot, in the order of their ids."""
        rows = await raw.fetch(
            "SELECT * FROM health.account WHERE slot = $1 AND workspace_id = $2 AND account_id > $3"
            " ORDER BY account_id LIMIT $4",
            slot, page.workspace, page.after or _BEFORE_ALL, PAGE,
        )  # fmt: skip
        return await self._complete(raw, rows, since)

    async def stale(self, raw: Any, slot: int, since: Day) -> dict[AccountKey, StoredAccount]:
        """The accounts whose score waited to be computed or told when the last flush was committed."""
        rows = await raw.fetch(
            "SELECT * FROM health.account WHERE slot = $1 AND (stale_since IS NOT NULL OR unsent IS NOT NULL)", slot
        )
        return await self._complete(raw, rows, since)

    async def some(
        self, raw: Any, workspace: str, accounts: Collection[UUID], since: Day
    ) -> dict[AccountKey, StoredAccount]:
        """Accounts of a workspace by their ids, whatever their slot."""
        rows = await raw.fetch(
            f"SELECT * FROM health.account WHERE {_ANY_SLOT} AND workspace_id = $1 AND account_id = ANY($2::uuid[])",
            workspace,
            list(accounts),
        )
        return await self._complete(raw, rows, since)

    async def one(self, raw: Any, workspace: str, account: UUID, since: Day) -> StoredAccount | None:
        """An account by its id, whatever its slot."""
        return next(iter((await self.some(raw, workspace, [account], since)).values()), None)

    async def logins_before(self, raw: Any, stored: StoredAccount, before: Day) -> None:
        """Corrects the last login day to the last one before a day, which may be older than the rows that were read."""
        last = stored.activity.last_login_day
        if last is not None and last >= before:
            found: date | None = await raw.fetchval(
                "SELECT max(day) FROM health.account_day"
                f" WHERE {_ANY_SLOT} AND workspace_id = $1 AND account_id = $2 AND logins > 0 AND day < $3",
                stored.key.workspace, stored.id, date_of(before),
            )  # fmt: skip
            stored.activity.last_login_day = None if found is None else day_of(found)

    async def workspace(self, raw: Any, workspace: str, since: Day) -> AsyncIterator[StoredAccount]:
        """Every account of a workspace, slot by slot in the order of their ids; they are read page by page."""
        for row in await raw.fetch("SELECT slot FROM health.consumer_slot ORDER BY slot"):
            page: Page | None = Page(workspace, None)
            while page is not None:
                read = await self.page(raw, row["slot"], page, since)
                last = None
                for last in read.values():
                    yield last
                page = None if last is None or len(read) < PAGE else Page(workspace, last.id)

    async def _complete(self, raw: Any, rows: list[Any], since: Day) -> dict[AccountKey, StoredAccount]:
        """A page at a time, however many were asked for: the loop has its turn between them."""
        found: dict[AccountKey, StoredAccount] = {}
        for i in range(0, len(rows), PAGE):
            found |= await self._completed(raw, rows[i : i + PAGE], since)
        return found

    async def _completed(self, raw: Any, rows: list[Any], since: Day) -> dict[AccountKey, StoredAccount]:
        ids = [row["account_id"] for row in rows]
        slots = sorted({row["slot"] for row in rows})
        workspaces = sorted({row["workspace_id"] for row in rows})
        first = date_of(since)
        days = await raw.fetch(
            "SELECT * FROM health.account_day"
            " WHERE slot = ANY($1::int[]) AND account_id = ANY($2::uuid[]) AND day >= $3",
            slots, ids, first,
        )  # fmt: skip
        users = await raw.fetch(
            "SELECT * FROM health.account_user WHERE slot = ANY($1::int[]) AND account_id = ANY($2::uuid[])", slots, ids
        )
        features = await raw.fetch(
            "SELECT * FROM health.account_feature WHERE slot = ANY($1::int[]) AND account_id = ANY($2::uuid[])",
            slots, ids,
        )  # fmt: skip
        scores = await raw.fetch(
            "SELECT * FROM health.account_score WHERE slot = ANY($1::int[]) AND account_id = ANY($2::uuid[])",
            slots,
            ids,
        )
        facts = await facts_of(raw, workspaces, ids)
        history = await self._history(raw, workspaces, ids)
        activities = _activities(rows, days, users, features)
        published = {row["account_id"]: _published(row) for row in scores}
        return {
            AccountKey(row["workspace_id"], row["external_id"]): StoredAccount(
                key=AccountKey(row["workspace_id"], row["external_id"]),
                id=row["account_id"],
                named_day=day_of(row["created_day"]),
                activity=activities[row["account_id"]],
                facts=facts.get(row["account_id"], Facts()),
                history=history.get(row["account_id"], []),
                published=published.get(row["account_id"], Published()),
                stale_since=row["stale_since"],
                unsent=row["unsent"],
            )
            for row in rows
        }

    async def _history(self, raw: Any, workspaces: list[str], ids: list[UUID]) -> dict[UUID, list[DayScore]]:
        newest: date | None = await raw.fetchval(
            "SELECT max(day) FROM health.workspace_day WHERE workspace_id = ANY($1::text[])", workspaces
        )
        since = date_of(Day(day_of(newest) - HISTORY_DAYS)) if newest is not None else date.min
        found: dict[UUID, list[DayScore]] = defaultdict(list)
        for row in await raw.fetch(_LATEST_SCORES, workspaces, ids, MODEL, since):
            found[row["account_id"]].append(DayScore(day_of(row["day"]), row["score"], MODEL, row["band"]))
        return found


async def facts_of(raw: Any, workspaces: list[str], ids: list[UUID]) -> dict[UUID, Facts]:
    """Every state ever stated about these accounts, typed."""
    rows = await raw.fetch(
        "SELECT account_id, name, at, event_id, value FROM health.fact"
        " WHERE workspace_id = ANY($1::text[]) AND account_id = ANY($2::uuid[]) AND entry = ''",
        workspaces, ids,
    )  # fmt: skip
    found: dict[UUID, Facts] = defaultdict(Facts)
    for row in rows:
        try:
            name, value = understood(row["name"], row["value"])
        except Invalid:
            # A value that an older version accepted: it stays in the table, and no score uses it.
            continue
        found[row["account_id"]].state(name, Stated(row["at"], row["event_id"], value))
    return found


def day_row(row: Any) -> DayRow:
    """The day row in a row of `account_day`."""
    return DayRow(
        events=row["events"],
        human=row["human"],
        logins=row["logins"],
        anonymous=row["anonymous"],
        users=unpack_bitmap(row["users"]),
        feats=unpack_counts(row["feats"]),
        sources=unpack_counts(row["sources"]),
    )


def day_set(row: Any) -> DaySet:
    """The active days in a row of `account`."""
    first = row["bits_from"]
    return DaySet.from_bytes(None if first is None else day_of(first), row["active_bits"])


def _activities(rows: list[Any], days: list[Any], users: list[Any], features: list[Any]) -> Mapping[UUID, Activity]:
    found: dict[UUID, Activity] = {}
    for row in rows:
        activity = found[row["account_id"]] = Activity()
        activity.days = day_set(row)
        activity.next_user = row["next_user"]
        activity.last_login_day = None if row["last_login_day"] is None else day_of(row["last_login_day"])
    for row in days:
        found[row["account_id"]].rows[day_of(row["day"])] = day_row(row)
    for row in users:
        user = User(row["ord"], row["user_id"], day_of(row["first_day"]), day_of(row["last_day"]))
        found[row["account_id"]].users[user.user_id] = user
    for row in features:
        span = FeatureSpan(day_of(row["first_day"]), day_of(row["last_day"]))
        found[row["account_id"]].features[row["feature"]] = span
    return found


def _published(row: Any) -> Published:
    return Published(row["score_seq"], row["published_at"], row["published_band"], row["published_over_cut"])
