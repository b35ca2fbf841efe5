"""Scores and signals of an account: as of a day (asked of health, which recomputes) and as a history.

Source: GATEWAY.md 3; HEALTH.md 10.
"""

from datetime import date, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field

from kizashi_common.contracts.commands.health import ScoreAnswer, SignalsAnswer
from kizashi_common.contracts.ids import shown
from kizashi_common.errors import Fault, Invalid
from kizashi_gateway.adapters.services import Owners
from kizashi_gateway.application.command import Asked
from kizashi_gateway.domain.address import account_at
from kizashi_gateway.queries.accounts import Accounts
from kizashi_gateway.queries.scores import Scores
from kizashi_gateway.queries.zones import Zones
from kizashi_gateway.rest.door import Door, IfNoneMatch, Resource, single
from kizashi_gateway.rest.openapi import operation

LONGEST: Final = timedelta(days=400)
_USUAL: Final = timedelta(days=90)


class AsOf(Resource):
    """Which day."""

    as_of: str | None = Field(
        default=None,
        pattern=r"^\d{4}-\d{2}-\d{2}([T ][0-9:.]{5,15}(Z|[+-]\d{2}:?\d{2})?)?$",
        description="A date (its local start) or an instant; only what lies before it is used. Default: today.",
        examples=["2026-10-01"],
    )


class Span(Resource):
    """From which day to which, both included."""

    from_: date | None = Field(default=None, alias="from", description="Default: 90 days before `to`.")
    to: date | None = Field(default=None, description="Default: today, in the zone of the workspace.")


class ScoreDay(Resource):
    """The score of one local day."""

    day: date
    score: float | None
    band: str | None
    probability: float | None = Field(description="Probability of loss within the horizon, 0 to 1.")
    evidence: str
    model: str = Field(description="Health model and version: versions are not compared.")
    basis: str = Field(description="`published`: shown that day; `reconstructed`: made afterwards from the events.")


class ScoreHistory(Resource):
    """The history of a span, oldest first; both bases side by side."""

    account: str
    results: list[ScoreDay]


_CALIBRATION: Final = {
    "id": 41,
    "as_of": "2026-09-28",
    "basis": "inactivity",
    "prior_pace": 0.31,
    "base_rate": 0.03,
    "intercept": -1.2,
    "slope": 1.0,
    "typical": {"silence": 0.4, "overdue": 0.1, "pace": -1.8, "fading": 0.0, "youth": -0.9},
    "accounts": 200,
    "outcomes": 0,
}
_SCORE: Final[dict[str, Any]] = {
    "account": "acc_0b6c8f1d2e37abc8def0123456789abc",
    "as_of": "2026-10-01",
    "complete_through": "2026-10-01T08:14:55Z",
    "stale": False,
    "basis": "live",
    "score": 51.2,
    "band": "watch",
    "evidence": "ok",
    "coverage": 0.5,
    "model": "default@1",
    "pulse": {
        "probability": 0.14,
        "low": 0.09,
        "high": 0.21,
        "health": 51.2,
        "baseline": 72.0,
        "points": {"silence": -14.1, "overdue": -6.7, "pace": 0.0, "fading": 0.0, "youth": 0.0},
        "scale": 0.0,
        "horizon_days": 30,
        "profile": "lapse",
        "calibration": _CALIBRATION,
    },
}
_SIGNALS: Final[dict[str, Any]] = {
    "account": "acc_0b6c8f1d2e37abc8def0123456789abc",
    "as_of": "2026-10-01",
    "signals": {"usage.silent_days": 9.0, "usage.active_days_28": 4.0},
}
_HISTORY: Final[dict[str, Any]] = {
    "account": "acc_0b6c8f1d2e37abc8def0123456789abc",
    "results": [
        {
            "day": "2026-10-01",
            "score": 51.2,
            "band": "watch",
            "probability": 0.14,
            "evidence": "ok",
            "model": "default@1",
            "basis": "published",
        }
    ],
}

AccountPath = Annotated[
    str, Path(min_length=1, max_length=600, description="`acc_…`, or `ext:` and the external id, percent-encoded.")
]


def router(door: Door, accounts: Accounts, scores: Scores, owners: Owners, zones: Zones) -> APIRouter:
    """The resource, ready to be mounted."""
    made = APIRouter(tags=["scores"])
    _as_of_a_day(made, door, accounts, owners)
    _history(made, door, accounts, scores, zones)
    return made


async def _existing(accounts: Accounts, asked: Asked, text: str) -> str:
    """The account's id as shown. Raises: Absent, so that no owner is asked about what is not the caller's."""
    account_id = account_at(asked.caller.workspace, text)
    await accounts.must_exist(asked.caller.workspace, account_id)
    return shown("acc", account_id)


def _as_of_a_day(made: APIRouter, door: Door, accounts: Accounts, owners: Owners) -> None:
    enter = Depends(door.needs("scores:read"))

    @made.get(
        "/accounts/{id}/score",
        response_model=ScoreAnswer,
        **operation(
            "get_score",
            "Get a score",
            "The score as of a day, with everything needed to explain it: baseline + points + scale = health.",
            scope="scores:read",
            errors=(304, 404),
            example=_SCORE,
        ),
    )
    async def get_score(
        id: AccountPath,  # noqa: A002
        query: Annotated[AsOf, Query()],
        asked: Annotated[Asked, enter],
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        account = await _existing(accounts, asked, id)
        return single(await owners.score(asked.caller, account, query.as_of), if_none_match)

    @made.get(
        "/accounts/{id}/signals",
        response_model=SignalsAnswer,
        **operation(
            "get_signals",
            "Get signals",
            "Every known signal as of a day; unknown ones are absent.",
            scope="scores:read",
            errors=(304, 404),
            example=_SIGNALS,
        ),
    )
    async def get_signals(
        id: AccountPath,  # noqa: A002
        query: Annotated[AsOf, Query()],
        asked: Annotated[Asked, enter],
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        account = await _existing(accounts, asked, id)
        return single(await owners.signals(asked.caller, account, query.as_of), if_none_match)


def _history(made: APIRouter, door: Door, accounts: Accounts, scores: Scores, zones: Zones) -> None:
    enter = Depends(door.needs("scores:read"))

    @made.get(
        "/accounts/{id}/scores",
        response_model=ScoreHistory,
        **operation(
            "list_scores",
            "List scores",
            "The score of each local day of a span of at most 400 days, oldest first.",
            scope="scores:read",
            errors=(304, 404),
            example=_HISTORY,
        ),
    )
    async def list_scores(
        id: AccountPath,  # noqa: A002
        span: Annotated[Span, Query()],
        asked: Annotated[Asked, enter],
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        account = await _existing(accounts, asked, id)
        start, end = _days(span, await zones.today(asked.caller.workspace))
        rows = await scores.between(asked.caller.workspace, account_at(asked.caller.workspace, id), start, end)
        return single(ScoreHistory(account=account, results=[ScoreDay(**vars(row)) for row in rows]), if_none_match)


def _days(span: Span, today: date) -> tuple[date, date]:
    end = span.to or today
    start = span.from_ or max(end, date.min + _USUAL) - _USUAL
    if not timedelta() <= end - start <= LONGEST:
        fault = Fault("/query/from", "out_of_range", "`from` must lie 0 to 400 days before `to`.")
        raise Invalid("The span is not acceptable.", faults=(fault,))
    return start, end
