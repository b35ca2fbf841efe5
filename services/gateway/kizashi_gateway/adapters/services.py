"""Asking the owners: what nobody stored, and every change of what is not ours.

Bodies pass through as bytes; answers are checked against the contract, because what an owner says is shown to people
under our name. An owner's refusal is the caller's answer, unchanged but for the address it speaks of.

Source: ARCHITECTURE.md 3; `contracts/commands`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from kizashi_common.contracts.commands import alerts as alerts_commands
from kizashi_common.contracts.commands import health as health_commands
from kizashi_common.errors import Busy, KizashiError
from kizashi_common.http.internal import InternalAnswer, InternalClient
from kizashi_gateway.domain.access import Caller
from kizashi_gateway.metrics import UPSTREAM_ERRORS, UPSTREAM_SECONDS, Upstream

Answer = TypeVar("Answer", bound=BaseModel)

_REPLAYED: Final = "idempotency-replayed"
_UNREADABLE: Final = "The service that owns this gave an answer that we cannot read."


class OwnerRefused(KizashiError):
    """The owner of the thing refused."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail", "")) or None, code=str(problem.get("code", "invalid")))
        self.status = status
        self.problem = problem


@dataclass(frozen=True)
class Command:
    """What is sent with a command besides its body: the version that was seen, the key under which repeats are one."""

    request_id: str
    version: int | None = None
    idempotency_key: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers that the owner reads."""
        sent = {"kizashi-request-id": self.request_id}
        if self.version is not None:
            sent["if-match"] = f'"v{self.version}"'
        if self.idempotency_key is not None:
            sent["idempotency-key"] = self.idempotency_key
        return sent


class Owners:
    """Health and alerts, as seen from here."""

    def __init__(self, health: InternalClient, alerts: InternalClient) -> None:
        self._clients: dict[Upstream, InternalClient] = {"health": health, "alerts": alerts}

    async def score(self, caller: Caller, account: str, as_of: str | None) -> health_commands.ScoreAnswer:
        """An account's score as of a day (health decides the day when none is given)."""
        path = health_commands.SCORE_PATH.format(account=account)
        return await self._read(caller, path, _as_of(as_of), health_commands.ScoreAnswer)

    async def signals(self, caller: Caller, account: str, as_of: str | None) -> health_commands.SignalsAnswer:
        """An account's signals as of a day."""
        path = health_commands.SIGNALS_PATH.format(account=account)
        return await self._read(caller, path, _as_of(as_of), health_commands.SignalsAnswer)

    async def settings(self, caller: Caller) -> health_commands.SettingsAnswer:
        """The workspace's settings in force."""
        return await self._read(caller, health_commands.SETTINGS_PATH, {}, health_commands.SettingsAnswer)

    async def put_settings(
        self, caller: Caller, settings: health_commands.WorkspaceSettings, command: Command
    ) -> health_commands.SettingsAnswer:
        """Puts a new version of the settings in force."""
        answer = await self._ask("health", "PUT", health_commands.SETTINGS_PATH, caller, settings, command)
        return _parsed(health_commands.SettingsAnswer, answer)

    async def act(
        self, caller: Caller, alert: str, body: alerts_commands.Acknowledge | alerts_commands.Resolve, command: Command
    ) -> tuple[alerts_commands.AlertChanged, bool]:
        """Acknowledges or resolves an alert. The second value says that this was a repeat of an earlier request."""
        is_resolve = isinstance(body, alerts_commands.Resolve)
        path = alerts_commands.RESOLVE_PATH if is_resolve else alerts_commands.ACKNOWLEDGE_PATH
        answer = await self._ask("alerts", "POST", path.format(alert=quote(alert, safe="")), caller, body, command)
        return _parsed(alerts_commands.AlertChanged, answer), _REPLAYED in answer.headers

    async def endpoints(self, caller: Caller) -> alerts_commands.EndpointList:
        """All webhook endpoints."""
        answer = await self._ask("alerts", "GET", alerts_commands.ENDPOINTS_PATH, caller, None, None)
        return _parsed(alerts_commands.EndpointList, answer)

    async def endpoint(self, caller: Caller, endpoint: str) -> alerts_commands.EndpointAnswer:
        """One webhook endpoint."""
        path = alerts_commands.ENDPOINT_PATH.format(endpoint=quote(endpoint, safe=""))
        answer = await self._ask("alerts", "GET", path, caller, None, None)
        return _parsed(alerts_commands.EndpointAnswer, answer)

    async def add_endpoint(
        self, caller: Caller, body: alerts_commands.EndpointRequest, command: Command
    ) -> alerts_commands.EndpointAnswer:
        """Makes an endpoint; its secret is in this answer only."""
        answer = await self._ask("alerts", "POST", alerts_commands.ENDPOINTS_PATH, caller, body, command)
        return _parsed(alerts_commands.EndpointAnswer, answer)

    async def remove_endpoint(self, caller: Caller, endpoint: str, command: Command) -> None:
        """Removes an endpoint."""
        path = alerts_commands.ENDPOINT_PATH.format(endpoint=quote(endpoint, safe=""))
        await self._ask("alerts", "DELETE", path, caller, None, command)

    async def test_endpoint(self, caller: Caller, endpoint: str, command: Command) -> bool:
        """Sends `endpoint.ping` to an endpoint; true when this was a repeat of an earlier request, and sent nothing."""
        path = alerts_commands.ENDPOINT_TEST_PATH.format(endpoint=quote(endpoint, safe=""))
        answer = await self._ask("alerts", "POST", path, caller, None, command)
        return _REPLAYED in answer.headers

    async def aclose(self) -> None:
        """Closes the connections to both."""
        for client in self._clients.values():
            await client.aclose()

    async def _read(self, caller: Caller, path: str, query: Mapping[str, str], model: type[Answer]) -> Answer:
        with UPSTREAM_SECONDS.labels("health").time():
            answer = await _counted("health", self._clients["health"], "GET", path, caller, query=query)
        return _parsed(model, answer)

    async def _ask(
        self,
        owner: Upstream,
        method: str,
        path: str,
        caller: Caller,
        body: BaseModel | None,
        command: Command | None,
    ) -> InternalAnswer:
        content = None if body is None else body.model_dump_json(exclude_unset=True).encode()
        headers = {} if command is None else command.headers
        with UPSTREAM_SECONDS.labels(owner).time():
            return await _counted(owner, self._clients[owner], method, path, caller, body=content, headers=headers)


async def _counted(
    owner: Upstream, client: InternalClient, method: str, path: str, caller: Caller, **sent: Any
) -> InternalAnswer:
    try:
        answer = await client.call(method, path, (caller.workspace, caller.actor), **sent)
        refusal = OwnerRefused(answer.status, _problem(answer)) if answer.status >= 400 else None
    except Busy as error:
        UPSTREAM_ERRORS.labels(owner, _why(error)).inc()
        raise
    if refusal is not None:
        raise refusal
    return answer


def _why(error: Busy) -> str:
    cause = type(error.__cause__).__name__ if error.__cause__ else ""
    if "Timeout" in cause:
        return "timeout"
    return "refused" if "Connect" in cause else "error"


def _problem(answer: InternalAnswer) -> Mapping[str, Any]:
    try:
        problem = json.loads(answer.body)
    except ValueError as error:
        raise Busy(_UNREADABLE, code="owner_unavailable") from error
    if not isinstance(problem, dict) or answer.status == 401:
        # 401 says that the services do not know each other: the caller's own credential was found good long before.
        raise Busy(_UNREADABLE, code="owner_unavailable")
    return problem


def _parsed(model: type[Answer], answer: InternalAnswer) -> Answer:
    try:
        return model.model_validate_json(answer.body)
    except ValidationError as error:
        raise Busy(_UNREADABLE, code="owner_unavailable") from error


def _as_of(as_of: str | None) -> dict[str, str]:
    return {} if as_of is None else {"as_of": as_of}
