"""What alerts owns: conditions and alerts, the events they made, and where those were delivered.

Two axes share an alert's row: the engine writes the machine columns, people write the human ones, and neither touches
the other's (decision 17). `outbox` is the slot outbox of every consumer and stays empty here, since people write too:
what alerts sends goes through `event_outbox`, numbered by one elected relay.

Source: ALERTS.md 13.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from kizashi_common.db.tables.metadata import Instant, metadata
from kizashi_common.db.tables.slots import SlotTables, slot_tables

SCHEMA: Final = "alerts"
_UPDATED: Final = {"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0.02", "autovacuum_vacuum_cost_delay": "0"}
_SEVERITIES: Final = "('info', 'low', 'high', 'critical')"

slots: Final[SlotTables] = slot_tables(metadata, SCHEMA)

subject_cursor = Table(
    "subject_cursor",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("last_seq", BigInteger, nullable=False),
    Column("last_as_of", Instant),
    Column("last_band", Text),
    Column("last_score", Double),
    Column("moved_at", Instant),
    schema=SCHEMA,
    postgresql_with=_UPDATED,
)

condition = Table(
    "condition",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("rule_key", Text, primary_key=True),
    Column("scope", Text, primary_key=True, server_default=""),
    Column(
        "state", Text, CheckConstraint("state in ('pending', 'active', 'recovering')", name="state"), nullable=False
    ),
    Column("held_s", Double, nullable=False, server_default="0"),
    Column("clear_held_s", Double, nullable=False, server_default="0"),
    Column("evals", Integer, nullable=False, server_default="0"),
    Column(
        "last_outcome",
        Text,
        CheckConstraint("last_outcome in ('true', 'false', 'unknown')", name="last_outcome"),
        nullable=False,
    ),
    Column("last_as_of", Instant, nullable=False),
    Column("unknown_since", Instant),
    Column("logic", Text, nullable=False),
    schema=SCHEMA,
    postgresql_with=_UPDATED,
)

alert = Table(
    "alert",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("rule_key", Text, nullable=False),
    Column("scope", Text, nullable=False, server_default=""),
    Column("rule_version", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("reopen_count", Integer, nullable=False, server_default="0"),
    Column("account_id", Uuid),
    Column("external_id", Text, nullable=False),
    Column("account", JSONB, nullable=False),
    Column("title", JSONB, nullable=False),
    Column("clears_when", Text, nullable=False),
    Column("playbook", Text),
    Column("recommended_actions", JSONB, nullable=False),
    # what the engine writes
    Column(
        "condition",
        Text,
        CheckConstraint("condition in ('active', 'recovering', 'cleared')", name="condition"),
        nullable=False,
    ),
    Column("severity", Text, CheckConstraint(f"severity in {_SEVERITIES}", name="severity"), nullable=False),
    Column("peak_severity", Text, nullable=False),
    Column("cleared_at", Instant),
    Column("evidence", JSONB, nullable=False),
    Column("score", JSONB, nullable=False),
    Column("as_of", Instant, nullable=False),
    Column("complete_through", Instant),
    Column("data_stale", Boolean, nullable=False, server_default="false"),
    # what follows from the other alerts of the subject
    Column("covered_by", Uuid),
    Column("notified_at", Instant),
    Column("held_by", Text),
    # what people write, and the system moves of ALERTS.md 6
    Column(
        "workflow",
        Text,
        CheckConstraint("workflow in ('open', 'acknowledged', 'in_progress', 'resolved')", name="workflow"),
        nullable=False,
    ),
    Column("owner", Text),
    Column("acknowledged_by", Text),
    Column("acknowledged_at", Instant),
    Column("resolution", Text),
    Column("feedback", Text),
    Column("note", Text),
    Column("closed_by", Text),
    Column("version", Integer, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("closed_at", Instant),
    schema=SCHEMA,
    postgresql_with=_UPDATED,
)
Index(
    "alert_one_open",
    alert.c.workspace_id,
    alert.c.subject,
    alert.c.rule_key,
    alert.c.scope,
    unique=True,
    postgresql_where=text("closed_at IS NULL"),
)
Index(
    "alert_episode",
    alert.c.workspace_id,
    alert.c.subject,
    alert.c.rule_key,
    alert.c.scope,
    alert.c.episode,
    unique=True,
)
Index("alert_recent", alert.c.workspace_id, alert.c.opened_at.desc(), alert.c.id)
Index("alert_of_account", alert.c.workspace_id, alert.c.account_id, alert.c.opened_at.desc())

alert_event = Table(
    "alert_event",
    metadata,
    Column("alert_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("workspace_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("before", JSONB, nullable=False),
    Column("after", JSONB, nullable=False),
    Column("notify", JSONB, nullable=False),
    Column("request_id", Text),
    Column("at", Instant, nullable=False),
    schema=SCHEMA,
)

wake = Table(
    "wake",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("part", Integer, nullable=False),
    Column("workspace_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("body", JSONB),
    schema=SCHEMA,
)
Index(None, wake.c.part, wake.c.id)

event_outbox = Table(
    "event_outbox",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("id", Text, nullable=False),
    Column("workspace_id", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("traceparent", Text),
    Column("at", Instant, nullable=False),
    Column("position", BigInteger),
    Column("due_at", Instant),
    schema=SCHEMA,
)
Index("event_outbox_once", event_outbox.c.object, event_outbox.c.number, unique=True)
Index("event_outbox_new", event_outbox.c.seq, postgresql_where=text("position IS NULL"))
Index("event_outbox_position", event_outbox.c.position, unique=True, postgresql_where=text("position IS NOT NULL"))

event_relay = Table(
    "event_relay",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next_position", BigInteger, nullable=False, server_default="1"),
    Column("sent_through", BigInteger, nullable=False, server_default="0"),
    schema=SCHEMA,
)

endpoint = Table(
    "endpoint",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("events", JSONB, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("state", Text, CheckConstraint("state in ('enabled', 'disabled', 'deleted')", name="state"), nullable=False),
    Column("disabled_because", Text),
    Column("version", Integer, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    schema=SCHEMA,
)
Index(None, endpoint.c.workspace_id, endpoint.c.created_at)

idempotency = Table(
    "idempotency",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("actor", Text, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),
    Column("object", Text, nullable=False),
    Column("answer", Text),
    Column("at", Instant, nullable=False),
    schema=SCHEMA,
)

secret = Table(
    "secret",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Text, nullable=False),
    Column("endpoint_id", Uuid, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    schema=SCHEMA,
)
Index(None, secret.c.workspace_id, secret.c.endpoint_id)

delivery = Table(
    "delivery",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Text, nullable=False),
    Column("endpoint_id", Uuid, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("traceparent", Text),
    Column(
        "state",
        Text,
        CheckConstraint(
            "state in ('pending', 'leased', 'waiting', 'delivered', 'rejected', 'exhausted', 'parked')", name="state"
        ),
        nullable=False,
    ),
    Column("attempt_no", Integer, nullable=False, server_default="0"),
    Column("next_at", Instant),
    Column("lease_until", Instant),
    Column("event_at", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("finished_at", Instant),
    schema=SCHEMA,
    postgresql_with=_UPDATED,
)
Index("delivery_once", delivery.c.workspace_id, delivery.c.endpoint_id, delivery.c.event_id, unique=True)
Index(
    "delivery_due",
    delivery.c.next_at,
    postgresql_where=text("state in ('pending', 'waiting')"),
)
Index("delivery_leased", delivery.c.lease_until, postgresql_where=text("state = 'leased'"))

attempt = Table(
    "attempt",
    metadata,
    Column("delivery_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("workspace_id", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("status", Integer),
    Column("ms", Integer, nullable=False),
    Column("error", Text),
    Column("response", Text),
    schema=SCHEMA,
)
