"""Records with defaults nobody needs to read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from kizashi_common.contracts.envelope import Outgoing, packed
from kizashi_common.contracts.events import (
    Event,
    EventData,
    EventTime,
    Fact,
    FactData,
    FactItem,
    Heartbeat,
    HeartbeatData,
)
from kizashi_common.contracts.partitioning import account_key

WORKSPACE = "demo"
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def an_event(event_id: str, account: str = "acme", at: datetime = NOON, **over: Any) -> Event:
    """A login by one person; `over` replaces members of the envelope or of its data."""
    workspace = over.pop("workspace", WORKSPACE)
    source = over.pop("source", "backend")
    received = over.pop("received_at", at + timedelta(seconds=1))
    data: dict[str, Any] = {
        "action": "login",
        "event_name": "Signed In",
        "feature": None,
        "quantity": 1,
        "actor": "human",
        "via": "native",
        "user_id": "u_1",
        "anonymous_id": None,
        "time": EventTime(at.isoformat(), received, received, 0, "client", over.pop("dedupe_day", at.date())),
    }
    data |= over
    return Event(
        id=event_id,
        source=f"/workspaces/{workspace}/sources/{source}",
        time=at,
        workspaceid=workspace,
        sourceid=source,
        partitionkey=account_key(workspace, account),
        data=EventData(**data),
        subject=account,
    )


def a_fact(event_id: str, account: str, facts: dict[str, Any], at: datetime = NOON, workspace: str = WORKSPACE) -> Fact:
    """Facts about an account, true at `at`."""
    return Fact(
        id=event_id,
        source=f"/workspaces/{workspace}/sources/crm",
        time=at,
        subject=account,
        workspaceid=workspace,
        sourceid="crm",
        partitionkey=account_key(workspace, account),
        data=FactData([FactItem(name, value) for name, value in facts.items()]),
    )


def a_heartbeat(through: datetime, number: int = 1) -> Heartbeat:
    """Proof that everything before `through` is in the log."""
    return Heartbeat(f"hb-{number}", "/ingest", through, HeartbeatData(number, through))


def a_record(message: Event | Fact | Heartbeat) -> Outgoing:
    """The message as it is sent."""
    return packed(message)
