"""The playbook document: what to do about an alert, step by step; its tasks are the recommended actions shown with it.

Applying a playbook (tasks with owners and working-time clocks) builds on this document; showing what it recommends
needs no more than its titles in order.

Source: ALERTS.md 9.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from kizashi_alerts.domain.duration import Due
from kizashi_alerts.domain.rule import Part, Text, Words
from kizashi_common.contracts.alerts import Severity

_OWNER = r"^(alert_owner|account_owner|manager|role:[a-z_-]{1,60}|member:[a-z0-9_]{1,60}|queue:[a-z0-9_-]{1,60})$"
Key = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,60}$")]


class Task(Part):
    """One thing to do. `due` counts from the start, or from the end of the task that it comes `after`."""

    key: Key
    title: Words
    owner: str = Field(default="alert_owner", pattern=_OWNER)
    due: Due
    after: Key | None = None
    required: bool = False
    log: Literal["contact"] | None = None
    skip_if: Text | None = None
    done_if: Text | None = None


class Playbook(Part):
    """What to do, in order. Alerts below `from_severity` show it without starting it."""

    kind: Literal["playbook"] = "playbook"
    key: Key
    title: Words
    start: Literal["rule", "manual"] = "rule"
    from_severity: Severity = "low"
    outcome_required: bool = False
    tasks: tuple[Task, ...] = Field(min_length=1, max_length=30)

    @model_validator(mode="after")
    def _each_follows_an_earlier_one(self) -> Playbook:
        earlier: set[str] = set()
        for task in self.tasks:
            if task.after is not None and task.after not in earlier:
                raise ValueError(f"task {task.key} comes after {task.after!r}, which does not stand before it")
            if task.key in earlier:
                raise ValueError(f"two tasks are called {task.key}")
            earlier.add(task.key)
        return self

    @property
    def recommended(self) -> tuple[Words, ...]:
        """What is recommended, in order, in both languages."""
        return tuple(task.title for task in self.tasks)
