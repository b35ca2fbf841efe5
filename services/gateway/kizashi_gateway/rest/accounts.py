"""Accounts: the portfolio, most revenue at risk first, and one account.

Source: GATEWAY.md 3.
"""

from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field

from kizashi_common.contracts.ids import shown
from kizashi_gateway.application.command import Asked
from kizashi_gateway.domain.access import Caller
from kizashi_gateway.domain.address import account_at
from kizashi_gateway.domain.cursor import Cursors, binding
from kizashi_gateway.domain.money import decimal_text
from kizashi_gateway.queries import accounts as q
from kizashi_gateway.rest.door import Door, IfNoneMatch, Money, Resource, link_to_next, single
from kizashi_gateway.rest.openapi import operation

Band = Literal["good", "watch", "risk"]


class Owner(Resource):
    """Who looks after the account: a member where the fact names one, else the name as given."""

    id: str | None
    name: str


class Reason(Resource):
    """One reason of the score, in health points; negative is worse."""

    code: str
    points: float
    text: str


class Pulse(Resource):
    """Probability of loss within the horizon."""

    probability: float = Field(ge=0, le=1)
    horizon_days: int


class Account(Resource):
    """A row of the portfolio."""

    id: str = Field(pattern=r"^acc_[0-9a-f]{32}$")
    external_id: str = Field(description="The id that the vendor gave it.")
    name: str | None
    owner: Owner | None
    lifecycle: str = Field(description="onboarding, live, paused, churned or internal.")
    score: float | None = Field(description="Health, 0 to 100; null while nothing is known.")
    band: Band | None
    evidence: Literal["low", "ok"] = Field(description="low: too little is known to rely on the score.")
    coverage: float = Field(ge=0, le=1, description="Share of the health model that had data.")
    change_28: float | None = Field(description="Points against 28 days ago.")
    top_reasons: list[Reason]
    pulse: Pulse | None
    arr: Money | None = Field(description="Recurring revenue per year.")
    revenue_at_risk: Money | None = Field(description="Probability times revenue; null where revenue is unknown.")
    renewal_date: date | None
    last_active_day: date | None = Field(description="The last local day with human use.")
    open_alerts: dict[str, int] = Field(description="Number of open alerts by severity.")
    as_of: datetime
    complete_through: datetime | None = Field(description="All input before this instant is proved complete.")
    stale: bool = Field(description="The input is not complete up to now: the score stands still.")


class AccountList(Resource):
    """A page of accounts."""

    results: list[Account]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class AccountFilters(Resource):
    """Which accounts, and how many at once."""

    band: str | None = Field(
        default=None, pattern=r"^(good|watch|risk)(,(good|watch|risk)){0,2}$", description="One or more, by comma."
    )
    owner: str | None = Field(
        default=None, pattern=r"^[^\x00]*$", max_length=320, description="`me`, a member's id, or the name as given."
    )
    external_id: str | None = Field(
        default=None, pattern=r"^[^\x00]*$", max_length=512, description="Exactly this one."
    )
    lifecycle: Literal["onboarding", "live", "paused", "churned", "internal"] | None = Field(
        default=None, description="Without it, churned accounts are left out."
    )
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=2000, description="From `next`, with the same filters.")


_EXAMPLE: Final[dict[str, Any]] = {
    "id": "acc_0b6c8f1d2e37abc8def0123456789abc",
    "external_id": "acme-42",
    "name": "Acme KK",
    "owner": {"id": "mem_0192f0c1d2e37abc8def0123456789ab", "name": "Aiko Mori"},
    "lifecycle": "live",
    "score": 51.2,
    "band": "watch",
    "evidence": "ok",
    "coverage": 0.5,
    "change_28": -20.8,
    "top_reasons": [{"code": "SILENCE", "points": -14.1, "text": "9 operating days silent, 6.3 active days missed"}],
    "pulse": {"probability": 0.14, "horizon_days": 30},
    "arr": {"amount": "4800000", "currency": "JPY"},
    "revenue_at_risk": {"amount": "672000", "currency": "JPY"},
    "renewal_date": "2026-12-31",
    "last_active_day": "2026-09-18",
    "open_alerts": {"high": 1},
    "as_of": "2026-10-01T08:14:59Z",
    "complete_through": "2026-10-01T08:14:55Z",
    "stale": False,
}

AccountPath = Annotated[
    str, Path(min_length=1, max_length=600, description="`acc_…`, or `ext:` and the external id, percent-encoded.")
]


def router(door: Door, accounts: q.Accounts, cursors: Cursors) -> APIRouter:
    """The resource, ready to be mounted."""
    made = APIRouter(tags=["accounts"])
    enter = Depends(door.needs("accounts:read"))

    @made.get(
        "/accounts",
        response_model=AccountList,
        **operation(
            "list_accounts",
            "List accounts",
            "The portfolio, most revenue at risk first.",
            scope="accounts:read",
            errors=(400,),
            example={"results": [_EXAMPLE], "next": None},
        ),
    )
    async def list_accounts(
        request: Request,
        response: Response,
        filters: Annotated[AccountFilters, Query()],
        asked: Annotated[Asked, enter],
    ) -> AccountList:
        caller = asked.caller
        bound_to = binding(caller.workspace, "accounts", filters.model_dump(exclude={"limit", "cursor"}))
        after = cursors.read(bound_to, filters.cursor)
        rows = await accounts.page(caller.workspace, _wanted(filters, caller), after, filters.limit + 1)
        page, more = rows[: filters.limit], len(rows) > filters.limit
        following = None
        if more:
            following = cursors.write(bound_to, (page[-1].revenue_at_risk, str(page[-1].account_id)))
            response.headers["Link"] = link_to_next(request, following)
        directory = await accounts.directory(caller.workspace)
        return AccountList(results=[_shown(row, directory) for row in page], next=following)

    @made.get(
        "/accounts/{id}",
        response_model=Account,
        **operation(
            "get_account",
            "Get an account",
            "One account, as in the portfolio.",
            scope="accounts:read",
            errors=(304, 404),
            example=_EXAMPLE,
        ),
    )
    async def get_account(
        id: AccountPath,  # noqa: A002
        asked: Annotated[Asked, enter],
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        workspace = asked.caller.workspace
        row = await accounts.one(workspace, account_at(workspace, id))
        return single(_shown(row, await accounts.directory(workspace)), if_none_match)

    return made


def _wanted(filters: AccountFilters, caller: Caller) -> q.Filters:
    owners: tuple[str, ...] = ()
    if filters.owner is not None:
        owners = tuple(sorted(caller.owner_names)) if filters.owner == "me" else (filters.owner,)
    bands = tuple(filters.band.split(",")) if filters.band else ()
    return q.Filters(bands, owners, filters.external_id, filters.lifecycle)


def _shown(row: q.Account, directory: q.Directory) -> Account:
    owner = None
    if row.owner is not None:
        member, name = directory.owner(row.owner)
        owner = Owner(id=member, name=name)
    pulse = None
    if row.probability is not None and row.horizon_days is not None:
        pulse = Pulse(probability=row.probability, horizon_days=row.horizon_days)
    return Account.model_validate(
        {
            "id": shown("acc", row.account_id),
            "external_id": row.external_id,
            "name": row.name,
            "owner": owner,
            "lifecycle": row.lifecycle,
            "score": row.score,
            "band": row.band,
            "evidence": row.evidence,
            "coverage": row.coverage,
            "change_28": row.change_28,
            "top_reasons": [Reason(code=r.code, points=r.points, text=r.text) for r in row.top_reasons],
            "pulse": pulse,
            "arr": _money(row.arr, row.currency),
            "revenue_at_risk": _money(row.revenue_at_risk, row.currency) if row.revenue_known else None,
            "renewal_date": row.renewal_date,
            "last_active_day": row.last_active_day,
            "open_alerts": row.open_alerts,
            "as_of": row.as_of,
            "complete_through": row.complete_through,
            "stale": row.stale,
        }
    )


def _money(amount: float | None, currency: str | None) -> Money | None:
    return None if amount is None else Money(amount=decimal_text(amount), currency=currency or "XXX")
