"""The portfolio and one account, read from the views.

Row-level security lets an index serve only comparisons that PostgreSQL knows leak nothing; so every filter here is an
equality or a comparison of typed columns. The workspace is set in the transaction and named in each statement: with
the second an index can start at it, with the first a mistake here would show nothing.

Source: GATEWAY.md 2 and 3; SCORING.md 7.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from kizashi_common.db.database import Database
from kizashi_common.db.views import ACCOUNT_CARD, ACCOUNT_FACT, ALERT, MEMBER_DIRECTORY, WORKSPACE_PROGRESS
from kizashi_common.errors import Absent

_card = ACCOUNT_CARD.clause.c
_fact = ACCOUNT_FACT.clause.c
_alert = ALERT.clause.c
_member = MEMBER_DIRECTORY.clause.c

LEFT = "churned"
"""The lifecycle of accounts that leave the portfolio, unless asked for by name."""


@dataclass(frozen=True)
class Filters:
    """Which accounts. Empty means all of a kind."""

    bands: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    external_id: str | None = None
    lifecycle: str | None = None


@dataclass(frozen=True)
class Reason:
    """Why a score is not the typical one. Units: health points, negative is worse."""

    code: str
    points: float
    text: str


@dataclass(frozen=True)
class Account:
    """A row of the portfolio. `owner` is the fact as given; money is per year in `currency`."""

    account_id: UUID
    external_id: str
    name: str | None
    owner: str | None
    lifecycle: str
    score: float | None
    band: str | None
    evidence: str
    coverage: float
    change_28: float | None
    probability: float | None
    horizon_days: int | None
    top_reasons: tuple[Reason, ...]
    arr: float | None
    currency: str | None
    revenue_at_risk: float
    revenue_known: bool
    renewal_date: date | None
    last_active_day: date | None
    as_of: datetime
    complete_through: datetime | None
    stale: bool
    body: dict[str, Any]
    open_alerts: dict[str, int]


@dataclass(frozen=True)
class KnownFact:
    """One fact as it is now. `at` is when it became true."""

    name: str
    value: Any
    at: datetime
    origin: str


@dataclass(frozen=True)
class BandSum:
    """One part of the summary strip. Sums are per currency."""

    band: str | None
    accounts: int
    arr: float
    revenue_at_risk: float
    currency: str | None


@dataclass(frozen=True)
class Summary:
    """The portfolio at a glance, and up to when its input is proved complete."""

    bands: tuple[BandSum, ...]
    owners: tuple[str, ...]
    complete_through: datetime | None


@dataclass(frozen=True)
class Directory:
    """The members of the workspace, by the names that facts use for them."""

    by_name: dict[str, tuple[str, str]]

    def owner(self, fact: str) -> tuple[str | None, str]:
        """The member's id, if it is one, and the name to show."""
        return self.by_name.get(fact, (None, fact))


class Accounts:
    """Reads accounts. Every method is one read-only transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, workspace: str, filters: Filters, after: tuple[Any, ...] | None, limit: int
    ) -> tuple[Account, ...]:
        """Up to `limit` accounts, most revenue at risk first, after the given (revenue at risk, account id)."""
        query = (
            select(ACCOUNT_CARD.clause)
            .where(_card.workspace_id == workspace, *_conditions(filters), *_later(after))
            .order_by(_card.revenue_at_risk.desc(), _card.account_id)
            .limit(limit)
        )
        async with self._database.transaction(workspace, read_only=True) as connection:
            rows = (await connection.execute(query)).all()
            alerts = await _open_alerts(connection, workspace, [row.account_id for row in rows])
        return tuple(_account(row, alerts) for row in rows)

    async def one(self, workspace: str, account_id: UUID) -> Account:
        """One account. Raises: Absent."""
        query = select(ACCOUNT_CARD.clause).where(_card.workspace_id == workspace, _card.account_id == account_id)
        async with self._database.transaction(workspace, read_only=True) as connection:
            row = (await connection.execute(query)).first()
            if row is None:
                raise Absent("There is no such account.")
            alerts = await _open_alerts(connection, workspace, [account_id])
        return _account(row, alerts)

    async def must_exist(self, workspace: str, account_id: UUID) -> None:
        """Raises: Absent, before an owner is asked about an account that is not the caller's."""
        query = select(_card.account_id).where(_card.workspace_id == workspace, _card.account_id == account_id)
        async with self._database.transaction(workspace, read_only=True) as connection:
            if (await connection.execute(query)).first() is None:
                raise Absent("There is no such account.")

    async def facts(self, workspace: str, account_id: UUID) -> tuple[KnownFact, ...]:
        """What is known about an account apart from use, by name; unset ones are left out."""
        query = (
            select(_fact.name, _fact.value, _fact.at, _fact.origin)
            .where(_fact.workspace_id == workspace, _fact.account_id == account_id, _fact.entry == "")
            .order_by(_fact.name)
        )
        async with self._database.transaction(workspace, read_only=True) as connection:
            rows = (await connection.execute(query)).all()
        return tuple(KnownFact(row.name, row.value, row.at, row.origin) for row in rows if row.value is not None)

    async def summary(self, workspace: str, filters: Filters) -> Summary:
        """Counts and money by band, the owners there are, and the proved time."""
        known = func.sum(_card.revenue_at_risk).filter(_card.revenue_known)
        bands = (
            select(_card.band, func.count(), func.sum(_card.arr), known, func.max(_card.currency))
            .where(_card.workspace_id == workspace, *_conditions(filters))
            .group_by(_card.band, _card.currency)
        )
        owners = select(_card.owner).where(_card.workspace_id == workspace, _card.owner.is_not(None)).distinct()
        async with self._database.transaction(workspace, read_only=True) as connection:
            rows = (await connection.execute(bands)).all()
            names = (await connection.execute(owners.order_by(_card.owner).limit(200))).scalars().all()
            through: datetime | None = await connection.scalar(select(WORKSPACE_PROGRESS.clause))
        sums = tuple(BandSum(band, n, arr or 0.0, risk or 0.0, currency) for band, n, arr, risk, currency in rows)
        return Summary(sums, tuple(names), through)

    async def directory(self, workspace: str) -> Directory:
        """The members, to name owners by."""
        query = select(_member.member_id, _member.name, _member.mail).where(_member.workspace_id == workspace)
        async with self._database.transaction(workspace, read_only=True) as connection:
            rows = (await connection.execute(query)).all()
        known: dict[str, tuple[str, str]] = {}
        for member_id, name, mail in rows:
            shown_id = f"mem_{member_id.hex}"
            known.update({alias: (shown_id, name) for alias in (shown_id, name, mail) if alias})
        return Directory(known)


def _conditions(filters: Filters) -> Iterable[ColumnElement[bool]]:
    if filters.bands:
        yield _card.band.in_(filters.bands)
    if filters.owners:
        yield _card.owner.in_(filters.owners)
    if filters.external_id is not None:
        yield _card.external_id == filters.external_id
    if filters.lifecycle is not None:
        yield _card.lifecycle == filters.lifecycle
    elif filters.external_id is None:
        yield _card.lifecycle != LEFT


def _later(after: tuple[Any, ...] | None) -> Iterable[ColumnElement[bool]]:
    if after is None:
        return
    risk, account_id = float(after[0]), UUID(after[1])
    same = and_(_card.revenue_at_risk == risk, _card.account_id > account_id)
    # The first condition is implied by the second; it is what lets the index start where the last page ended.
    yield _card.revenue_at_risk <= risk
    yield or_(_card.revenue_at_risk < risk, same)


async def _open_alerts(
    connection: AsyncConnection, workspace: str, accounts: Sequence[UUID]
) -> dict[UUID, dict[str, int]]:
    if not accounts:
        return {}
    query = (
        select(_alert.account_id, _alert.severity, func.count())
        .where(_alert.workspace_id == workspace, _alert.account_id.in_(accounts), _alert.closed_at.is_(None))
        .group_by(_alert.account_id, _alert.severity)
    )
    found: dict[UUID, dict[str, int]] = {}
    for account_id, severity, count in await connection.execute(query):
        found.setdefault(account_id, {})[severity] = count
    return found


def _account(row: Row[Any], alerts: dict[UUID, dict[str, int]]) -> Account:
    values = dict(row._mapping)
    del values["workspace_id"], values["score_seq"]
    values["top_reasons"] = reasons(values["top_reasons"])
    return Account(**values, open_alerts=alerts.get(row.account_id, {}))


def reasons(listed: Any) -> tuple[Reason, ...]:
    """The reasons in a JSON list, in its order."""
    return tuple(
        Reason(str(item["code"]), float(item["points"]), str(item.get("text", "")))
        for item in listed or ()
        if isinstance(item, dict)
    )
