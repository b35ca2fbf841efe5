"""One account: what its score is, why, how it came to be, and what to do about it.

Source: GATEWAY.md 8; SCORING.md 3.3; ALERTS.md 6.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from kizashi_common.contracts.commands.alerts import Acknowledge, Resolve
from kizashi_common.contracts.ids import shown
from kizashi_common.errors import Invalid, KizashiError
from kizashi_gateway.adapters.services import Command
from kizashi_gateway.application.command import Wish
from kizashi_gateway.console.page import Console, Visitor, form_of, said, signed_in_page, status_for, visitor_of
from kizashi_gateway.console.pages.account.picture import HISTORY_DAYS, history_of
from kizashi_gateway.console.pages.account.story import alert_card, facts_of, figures_of, reasons_table
from kizashi_gateway.domain.address import account_at, object_at
from kizashi_gateway.queries.accounts import Account, Directory
from kizashi_gateway.queries.alerts import Alert, Filters

_TEMPLATE: Final = "pages/account/page.html"
_UNRESOLVED: Final = ("open", "acknowledged", "in_progress")
_RESOLVED: Final = ("resolved",)
_MOST_OPEN: Final = 500
"""More than rules times scopes can open for one account: an open alert is never left out."""
_MOST_CLOSED: Final = 50
_FEEDBACKS: Final = ("useful", "known_already", "wrong", "bad_timing")
_DONE: Final = ("acknowledged", "resolved")


def routes(console: Console) -> list[Route]:
    """The addresses of this page."""

    async def show(request: Request) -> Response:
        visitor = await visitor_of(console, request)
        done = request.query_params.get("done")
        return await _page(console, request, visitor, done=done if done in _DONE else None)

    async def show_alert(request: Request) -> Response:
        account, alert = request.path_params["id"], request.path_params["alert"]
        return RedirectResponse(f"/a/{account}#{alert}", 303)

    async def acknowledge(request: Request) -> Response:
        return await _act(console, request, "acknowledged", lambda fields: Acknowledge())

    async def resolve(request: Request) -> Response:
        return await _act(console, request, "resolved", _resolution)

    return [
        Route("/a/{id}", show, methods=["GET"]),
        Route("/a/{id}/alerts/{alert}", show_alert, methods=["GET"]),
        Route("/a/{id}/alerts/{alert}/acknowledge", acknowledge, methods=["POST"]),
        Route("/a/{id}/alerts/{alert}/resolve", resolve, methods=["POST"]),
    ]


async def _page(
    console: Console,
    request: Request,
    visitor: Visitor,
    *,
    done: str | None = None,
    failure: KizashiError | None = None,
) -> Response:
    visitor.caller.must("accounts:read")
    visitor.caller.must("scores:read")
    workspace, words = visitor.caller.workspace, visitor.words
    account_id = account_at(workspace, request.path_params["id"])
    account = await console.accounts.one(workspace, account_id)
    directory = await console.accounts.directory(workspace)
    facts = await console.accounts.facts(workspace, account_id)
    still_open = await console.alerts.page(workspace, Filters(_UNRESOLVED, account_id=account_id), None, _MOST_OPEN)
    closed = await console.alerts.page(workspace, Filters(_RESOLVED, account_id=account_id), None, _MOST_CLOSED)
    # One day more: east of Greenwich the score's own day may have begun before that of UTC.
    end = account.as_of.date() + timedelta(days=1)
    days = await console.scores.between(workspace, account_id, end - HISTORY_DAYS, end)
    values: dict[str, Any] = {
        "account": account,
        "id": shown("acc", account_id),
        "name": account.name or account.external_id,
        "owner": directory.owner(account.owner)[1] if account.owner else None,
        "pulse": account.body.get("pulse"),
        "is_held_young": account.body.get("band_held") == "young",
        "faint": account.stale or account.evidence == "low",
        "reasons": reasons_table(account, words),
        "history": await history_of(days, words),
        "open": _cards(still_open, visitor, directory, account),
        "closed": _cards(closed, visitor, directory, account),
        "may_act": visitor.may("alerts:act"),
        "feedbacks": _FEEDBACKS,
        "facts": facts_of(facts, words, directory, account.currency),
        "figures": figures_of(account, words),
        "done": done,
        "failure": None if failure is None else said(words, failure),
    }
    if failure is not None:
        values["address"] = f"/a/{values['id']}"
    status = 200 if failure is None else status_for(failure)
    return await signed_in_page(console, request, visitor, _TEMPLATE, values, status)


def _cards(alerts: Sequence[Alert], visitor: Visitor, directory: Directory, account: Account) -> list[dict[str, Any]]:
    """The alerts to show, to whom may see them."""
    may_read = visitor.may("alerts:read")
    return [alert_card(one, visitor.words, directory, account.currency) for one in alerts] if may_read else []


async def _act(
    console: Console, request: Request, done: str, read: Callable[[FormData], Acknowledge | Resolve]
) -> Response:
    """Carries out a form's wish and shows the account again; a refusal is shown on the page as it is now."""
    visitor = await visitor_of(console, request)
    fields = await form_of(console, request, visitor)
    try:
        await _carry_out(console, request, visitor, fields, read)
    except KizashiError as error:
        return await _page(console, request, visitor, failure=error)
    return RedirectResponse(f"/a/{request.path_params['id']}?done={done}#alerts", 303)


async def _carry_out(
    console: Console,
    request: Request,
    visitor: Visitor,
    fields: FormData,
    read: Callable[[FormData], Acknowledge | Resolve],
) -> None:
    alert = shown("alr", object_at("alr", request.path_params["alert"]))
    body = read(fields)
    command = Command(visitor.asked.request_id, _version(fields))
    action = "alert.resolve" if isinstance(body, Resolve) else "alert.acknowledge"
    wish = Wish(visitor.asked, "alerts:act", action, alert, body.model_dump(mode="json"))

    def effect() -> Awaitable[object]:
        return console.owners.act(visitor.caller, alert, body, command)

    await console.commands.carry_out(wish, effect)


def _version(fields: FormData) -> int:
    try:
        return int(str(fields.get("version", "")))
    except ValueError as error:
        raise Invalid("The form names no version.") from error


def _resolution(fields: FormData) -> Resolve:
    note = str(fields.get("note", "")).strip()
    try:
        return Resolve.model_validate({"feedback": str(fields.get("feedback", "")), "note": note or None})
    except ValidationError as error:
        raise Invalid("; ".join(detail["msg"] for detail in error.errors())) from error
