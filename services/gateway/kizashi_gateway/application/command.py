"""The one road of every write: right, record of the wish, the effect, record of what came of it.

A write whose record cannot be stored does not happen; a wish whose result is missing from the log shows a crash in
between.

Source: GATEWAY.md 2 and 3, "Command road".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kizashi_common.contracts.ids import NewUuid
from kizashi_common.errors import KizashiError
from kizashi_common.runtime.service import Clock
from kizashi_common.telemetry.logging import get_logger
from kizashi_gateway.adapters.store import Store
from kizashi_gateway.application.recording import counting_failures
from kizashi_gateway.domain.access import Caller
from kizashi_gateway.domain.audit import Entry, masked
from kizashi_gateway.metrics import AUTH_FAILURES

Result = TypeVar("Result")

_log = get_logger("gateway")


@dataclass(frozen=True)
class Asked:
    """A request: who asks, under which id it is logged, from which address."""

    caller: Caller
    request_id: str
    address: str


@dataclass(frozen=True)
class Wish:
    """What someone wants changed. `object` is the id as shown, or the collection for what does not exist yet."""

    asked: Asked
    scope: str
    action: str
    object: str
    body: Mapping[str, Any] = field(default_factory=dict)


class Commands:
    """Carries out wishes."""

    def __init__(self, store: Store, clock: Clock, new_uuid: NewUuid) -> None:
        self._store = store
        self._clock = clock
        self._new_uuid = new_uuid

    async def carry_out(self, wish: Wish, effect: Callable[[], Awaitable[Result]]) -> Result:
        """What the effect answers.

        Raises: Denied code `scope_missing`, recorded; Busy when the wish cannot be recorded, nothing done; and
            whatever the effect raises, its code recorded.
        """
        intent = self._intent(wish)
        await self.check(wish.asked, wish.scope, wish.action, wish.object)
        await self._record(intent)
        try:
            result = await effect()
        except KizashiError as error:
            await self._settle(intent, error.reason)
            raise
        except Exception:
            await self._settle(intent, "internal")
            raise
        await self._settle(intent, "done", object_id=_made(result))
        return result

    async def check(self, asked: Asked, scope: str, action: str, object_id: str) -> None:
        """Passes when the caller has the scope. Raises: Denied code `scope_missing`, after recording the refusal."""
        try:
            asked.caller.must(scope)
        except KizashiError as error:
            AUTH_FAILURES.labels("scope").inc()
            await self.refused(asked, action, object_id, error)
            raise

    async def refused(self, asked: Asked, action: str, object_id: str, error: KizashiError) -> None:
        """Records that someone who is known was refused."""
        await self._settle(self._intent(Wish(asked, "", action, object_id)), error.reason)

    def _intent(self, wish: Wish) -> Entry:
        caller = wish.asked.caller
        return Entry(
            workspace=caller.workspace,
            request_id=wish.asked.request_id,
            phase="intent",
            actor=caller.actor,
            action=wish.action,
            object=wish.object,
            body=masked(wish.body),
            address=wish.asked.address,
            at=self._clock(),
        )

    async def _record(self, entry: Entry) -> None:
        with counting_failures():
            await self._store.record(entry, self._new_uuid())

    async def _settle(self, intent: Entry, outcome: str, *, object_id: str | None = None) -> None:
        """Records the result. Not being able to is counted and logged, never answered: the effect has happened."""
        try:
            await self._record(intent.result(outcome, self._clock(), object_id=object_id))
        except KizashiError as error:
            _log.error("audit_result_lost", request_id=intent.request_id, action=intent.action, reason=error.reason)


def _made(result: object) -> str | None:
    made = getattr(result, "id", None)
    return made if isinstance(made, str) else None
