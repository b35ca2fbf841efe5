"""Who did what: a write leaves one row before it and one after it, so that neither a crash nor a refusal hides it.

Source: GATEWAY.md 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

SECRET_MEMBERS: Final = frozenset({"secret", "key", "token", "authorization", "password"})
"""Members whose values never rest in the log."""

_MASK: Final = "***"


@dataclass(frozen=True)
class Entry:
    """One row. `outcome` is `done` or the code of the failure; an intent has none yet."""

    workspace: str
    request_id: str
    phase: Literal["intent", "result"]
    actor: str
    action: str
    object: str
    body: Mapping[str, Any]
    address: str
    at: datetime
    outcome: str | None = None

    def __post_init__(self) -> None:
        # An address may hold what PostgreSQL stores in no text; a row that cannot be stored would hide a refusal.
        object.__setattr__(self, "object", without_nul(self.object))

    def result(self, outcome: str, at: datetime, *, object_id: str | None = None) -> Entry:
        """The row that follows this intent; the body is not said twice."""
        return replace(self, phase="result", outcome=outcome, at=at, body={}, object=object_id or self.object)


def masked(body: Any) -> Any:
    """The same JSON value with every secret replaced by a mark, at any depth.

    NUL is replaced too: PostgreSQL stores it in no text, and a row that cannot be stored would forbid the write.
    """
    if isinstance(body, Mapping):
        return {k: _MASK if k.lower() in SECRET_MEMBERS else masked(v) for k, v in body.items()}
    if isinstance(body, list | tuple):
        return [masked(item) for item in body]
    return without_nul(body) if isinstance(body, str) else body


def without_nul(text: str) -> str:
    """The text as PostgreSQL can store it."""
    return text.replace("\x00", "\ufffd")
