"""Alerts: what needs a person, why, and what to do; acknowledge and resolve.

Source: ALERTS.md 6; GATEWAY.md 1 and 3.
"""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field

from kizashi_common.contracts.commands.alerts import Acknowledge, AlertChanged, Resolve
from kizashi_common.contracts.ids import shown
from kizashi_common.http.etag import etag
from kizashi_gateway.adapters.services import Owners
from kizashi_gateway.application.command import Asked, Commands, Wish
from kizashi_gateway.domain.access import Caller
from kizashi_gateway.domain.address import account_at, object_at
from kizashi_gateway.domain.cursor import Cursors, binding
from kizashi_gateway.domain.words import in_language
from kizashi_gateway.queries import alerts as q
from kizashi_gateway.rest.door import (
    REPLAYED,
    Door,
    IdempotencyKey,
    IfMatch,
    IfNoneMatch,
    Resource,
    command,
    link_to_next,
    seen_version,
    single,
)
from kizashi_gateway.rest.openapi import operation

_STATES: Final = "open|acknowledged|in_progress|resolved"
_KINDS: Final = "risk|expansion|renewal|adoption|data"
_SEVERITIES: Final = "info|low|high|critical"


def _listed(words: str) -> str:
    return rf"^({words})(,({words}))*$"


class Subject(Resource):
    """The account that an alert is about."""

    id: str | None
    external_id: str
    name: str | None


class Alert(Resource):
    """One episode of an alert. `version` is its ETag; each change raises it."""

    id: str = Field(pattern=r"^alr_[0-9a-f]{32}$")
    version: int
    rule: str
    rule_version: int
    kind: str
    scope: str = Field(description="Empty, or the element that the rule was judged for.")
    severity: str
    workflow: str = Field(description="What people decided: open, acknowledged, in_progress, resolved.")
    condition: str = Field(description="What the machine sees: active, recovering, cleared.")
    title: str
    account: Subject
    evidence: dict[str, Any] = Field(description="The signals that the rule read, as they were at `as_of`.")
    score: dict[str, Any] = Field(description="The score that it was judged on.")
    clears_when: str
    playbook: str | None
    recommended_actions: list[str] = Field(description="What to do, in order.")
    owner: str | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    resolution: str | None
    feedback: str | None
    note: str | None
    reopen_count: int
    as_of: datetime
    complete_through: datetime | None
    stale: bool
    opened_at: datetime
    cleared_at: datetime | None
    closed_at: datetime | None


class AlertList(Resource):
    """A page of alerts."""

    results: list[Alert]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class AlertFilters(Resource):
    """Which alerts, and how many at once. Several values are separated by commas."""

    state: str | None = Field(default=None, max_length=60, pattern=_listed(_STATES))
    kind: str | None = Field(default=None, max_length=60, pattern=_listed(_KINDS))
    severity: str | None = Field(default=None, max_length=60, pattern=_listed(_SEVERITIES))
    owner: str | None = Field(
        default=None, pattern=r"^[^\x00]*$", max_length=320, description="`me`, a member's id, or the name as given."
    )
    account: str | None = Field(default=None, max_length=600, description="`acc_…` or `ext:…`.")
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=2000, description="From `next`, with the same filters.")


_EXAMPLE: Final[dict[str, Any]] = {
    "id": "alr_0192f0c1d2e37abc8def0123456789ab",
    "version": 1,
    "rule": "risk.silence",
    "rule_version": 1,
    "kind": "risk",
    "scope": "",
    "severity": "high",
    "workflow": "open",
    "condition": "active",
    "title": "Silent against its own rhythm",
    "account": {"id": "acc_0b6c8f1d2e37abc8def0123456789abc", "external_id": "acme-42", "name": "Acme KK"},
    "evidence": {"usage.silent_days": 9, "usage.missed_days": 6.3},
    "score": {"value": 51.2, "band": "watch", "evidence": "ok", "reasons": [{"code": "SILENCE", "points": -14.1}]},
    "clears_when": "usage.missed_days < 1 for 1d",
    "playbook": "win-back-use",
    "recommended_actions": ["Read reasons and diff", "Call the champion"],
    "owner": "Aiko Mori",
    "acknowledged_by": None,
    "acknowledged_at": None,
    "resolution": None,
    "feedback": None,
    "note": None,
    "reopen_count": 0,
    "as_of": "2026-10-01T08:14:59Z",
    "complete_through": "2026-10-01T08:14:55Z",
    "stale": False,
    "opened_at": "2026-10-01T08:15:02Z",
    "cleared_at": None,
    "closed_at": None,
}
_CHANGED: Final[dict[str, Any]] = {
    "id": "alr_0192f0c1d2e37abc8def0123456789ab",
    "version": 2,
    "workflow": "acknowledged",
    "condition": "active",
    "acknowledged_by": "mem_0192f0c1d2e37abc8def0123456789ab",
    "acknowledged_at": "2026-10-01T09:00:00Z",
}

AlertPath = Annotated[str, Path(max_length=80, description="`alr_…`")]


def router(door: Door, alerts: q.Alerts, cursors: Cursors, owners: Owners, commands: Commands) -> APIRouter:
    """The resource, ready to be mounted."""
    made = APIRouter(tags=["alerts"])
    _reads(made, door, alerts, cursors)
    _actions(made, door, owners, commands)
    return made


def _reads(made: APIRouter, door: Door, alerts: q.Alerts, cursors: Cursors) -> None:
    enter = Depends(door.needs("alerts:read"))

    @made.get(
        "/alerts",
        response_model=AlertList,
        **operation(
            "list_alerts",
            "List alerts",
            "Alerts, newest first.",
            scope="alerts:read",
            errors=(400, 404),
            example={"results": [_EXAMPLE], "next": None},
        ),
    )
    async def list_alerts(
        request: Request, response: Response, filters: Annotated[AlertFilters, Query()], asked: Annotated[Asked, enter]
    ) -> AlertList:
        workspace = asked.caller.workspace
        bound_to = binding(workspace, "alerts", filters.model_dump(exclude={"limit", "cursor"}))
        after = cursors.read(bound_to, filters.cursor)
        rows = await alerts.page(workspace, _wanted(filters, asked.caller), after, filters.limit + 1)
        page, more = rows[: filters.limit], len(rows) > filters.limit
        following = None
        if more:
            following = cursors.write(bound_to, (page[-1].opened_at.isoformat(), str(page[-1].id)))
            response.headers["Link"] = link_to_next(request, following)
        return AlertList(results=[_shown(row) for row in page], next=following)

    @made.get(
        "/alerts/{id}",
        response_model=Alert,
        **operation(
            "get_alert",
            "Get an alert",
            "One alert with its evidence, what would clear it, and what to do.",
            scope="alerts:read",
            errors=(304, 404),
            example=_EXAMPLE,
        ),
    )
    async def get_alert(
        id: AlertPath,  # noqa: A002
        asked: Annotated[Asked, enter],
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        row = await alerts.one(asked.caller.workspace, object_at("alr", id))
        return single(_shown(row), if_none_match, etag(row.version))


def _actions(made: APIRouter, door: Door, owners: Owners, commands: Commands) -> None:
    enter = Depends(door.needs(None))

    async def act(
        asked: Asked, text: str, body: Acknowledge | Resolve, if_match: str | None, key: str | None
    ) -> Response:
        alert = shown("alr", object_at("alr", text))
        sent = command(asked, seen_version(if_match), key)
        action = "alert.resolve" if isinstance(body, Resolve) else "alert.acknowledge"
        wish = Wish(asked, "alerts:act", action, alert, body.model_dump(mode="json"))
        changed, is_repeat = await commands.carry_out(wish, lambda: owners.act(asked.caller, alert, body, sent))
        answer = single(changed, None, etag(changed.version))
        answer.headers.update(REPLAYED if is_repeat else {})
        return answer

    @made.post(
        "/alerts/{id}/acknowledge",
        response_model=AlertChanged,
        **operation(
            "acknowledge_alert",
            "Acknowledge an alert",
            "You have seen it and take care of it. Again by the same person: the same answer.",
            scope="alerts:act",
            errors=(400, 404, 409, 412, 415, 428),
            example=_CHANGED,
        ),
    )
    async def acknowledge_alert(
        id: AlertPath,  # noqa: A002
        asked: Annotated[Asked, enter],
        body: Acknowledge | None = None,
        if_match: IfMatch = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        return await act(asked, id, body or Acknowledge(), if_match, idempotency_key)

    @made.post(
        "/alerts/{id}/resolve",
        response_model=AlertChanged,
        **operation(
            "resolve_alert",
            "Resolve an alert",
            "It is dealt with. The feedback feeds the rule's usefulness; a critical alert needs a note.",
            scope="alerts:act",
            errors=(400, 404, 409, 412, 415, 428),
            example={**_CHANGED, "workflow": "resolved", "resolution": "person", "closed_at": "2026-10-01T09:00:00Z"},
        ),
    )
    async def resolve_alert(
        id: AlertPath,  # noqa: A002
        asked: Annotated[Asked, enter],
        body: Resolve,
        if_match: IfMatch = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        return await act(asked, id, body, if_match, idempotency_key)


def _wanted(filters: AlertFilters, caller: Caller) -> q.Filters:
    owners: tuple[str, ...] = ()
    if filters.owner is not None:
        owners = tuple(sorted(caller.owner_names)) if filters.owner == "me" else (filters.owner,)
    account = None if filters.account is None else account_at(caller.workspace, filters.account)
    return q.Filters(_values(filters.state), _values(filters.kind), _values(filters.severity), owners, account)


def _values(listed: str | None) -> tuple[str, ...]:
    return tuple(listed.split(",")) if listed else ()


def _shown(row: q.Alert) -> Alert:
    values = {name: value for name, value in vars(row).items() if name in Alert.model_fields}
    values |= {
        "id": shown("alr", row.id),
        "rule": row.rule_key,
        "title": in_language(row.title, "en"),
        "recommended_actions": [in_language(action, "en") for action in row.recommended_actions],
        "stale": row.data_stale,
        "account": Subject(
            id=None if row.account_id is None else shown("acc", row.account_id),
            external_id=row.external_id,
            name=row.account.get("name"),
        ),
    }
    return Alert.model_validate(values)
